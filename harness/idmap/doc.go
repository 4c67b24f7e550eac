// Package idmap is the arithmetic of nested containers, unprivileged ones above all: which ids
// a level gives to the containers inside it, and where a chain must stop.
//
//	r, err := idmap.NewRecipe(3, idmap.Root, 500000, false, idmap.LXD) // what depth 3 needs
//	plan := r.Layout().Plan()                                          // what comes of it
//	ids, ok := idmap.Rise(uids, 1000)                                  // 1000 at level 3 is who on the host?
//
// It is pure: no I/O, no clock, no kernel. What LXD, Incus, newuidmap and the
// kernel do is written down here as rules, each with its source; where a program
// departs from its documents, the rule is what it does. They are proved: those of
// the kernel against user namespaces (kernel_proof_test.go), those of LXD
// against chains built at random (scenarios/proof_test.go).
//
// The way from files to maps, and the file that each step is in:
//
//	subid.go      what LXD and Incus read in /etc/subuid and /etc/subgid
//	choose.go     the map that a daemon settles on when it starts
//	container.go  the map of one container: security.idmap.*, the search for isolated ids
//	rawidmap.go   raw.idmap, and what it cuts out of a map
//	privileged.go levels without a map of their own, and the flag for nesting
//	shadow.go     what newuidmap grants
//	kernel.go     what the kernel accepts
//	plan.go       all of it, level by level, to the plan of a chain
//
// Ids are Linux user or group ids: 32 bits, of which 4294967295 (-1) is not an
// id. An id is an inside id (as a process in the container sees it), a parent
// id (as the level above sees it) or a host id (as the kernel's initial user
// namespace sees it). Counts are numbers of ids. Level 0 is the host.
package idmap
