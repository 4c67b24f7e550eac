package host

import (
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// Traits are what the plan of a chain depends on.
type Traits struct {
	// Delegation is what the host's /etc/subuid and /etc/subgid say.
	Delegation idmap.Delegation
	// Bundle is what levels run unless a Spec says otherwise. Daemon is what the host's LXD is of: on a private host, the same.
	Bundle, Daemon *bundle.Bundle
	// Map is the idmap of the host's own user namespace.
	Map idmap.Map
	// Remaps reports whether the host's LXD gives the files of a new container other owners, because it cannot mount them idmapped. LXDs
	// in levels always do.
	Remaps bool
	// Cgroup1 reports whether the machine has hierarchies of cgroup v1.
	Cgroup1 bool
	// AppArmor reports whether the host's kernel has AppArmor in force.
	AppArmor bool
	// Room is how many levels the kernel has left for the host.
	Room int
	// StateDir is the directory in which the host's LXD keeps the levels; "" if the machine has no path to it.
	StateDir string
}
