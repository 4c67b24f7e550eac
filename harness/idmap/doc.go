// Package idmap computes which ids each level of nested containers has, and where a chain of
// them must stop. It is written for unprivileged containers and also covers privileged ones.
//
//	n := idmap.Need{Depth: 3, Owner: idmap.Root, Start: 500000, Flavor: idmap.LXD}
//	r, err := idmap.NewRecipe(n)              // what depth 3 needs
//	plan := r.Layout().Plan()                 // what happens then
//	ids, ok := idmap.TranslateUp(uids, 1000)  // 1000 in host ids
//
// The package is pure: no I/O, no clock, no kernel. Each rule of LXD, Incus, newuidmap and the
// kernel names its source. If a program departs from its documentation, the rule follows the
// program. The rules of the kernel are verified against real user namespaces
// (kernel_verify_test.go), and the rules of LXD against random chains (scenarios/random_test.go).
//
// Each step from the files to the maps has a file of its own:
//
//	subid.go      how LXD and Incus read /etc/subuid and /etc/subgid
//	flavor.go     which rules hold for which versions
//	choose.go     the map that a daemon chooses when it starts
//	container.go  the map of one container: security.idmap.*, ids for isolated containers
//	rawidmap.go   raw.idmap, and the holes that it cuts into a map
//	privileged.go privileged levels, and security.nesting
//	shadow.go     what newuidmap grants
//	kernel.go     what the kernel accepts
//	plan.go       all of these steps, level by level
//
// Ids are Linux user or group ids: 32 bits, of which 4294967295 (-1) is not an id. An inside id
// is an id as a process in the container sees it, a parent id as the level above sees it, and a
// host id as the kernel's initial user namespace sees it. Counts are numbers of ids. Level 0 is
// the host.
package idmap
