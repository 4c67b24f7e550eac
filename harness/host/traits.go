package host

import (
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// Traits determine the plan of a chain on a host.
type Traits struct {
	// Delegation is the content of the host's /etc/subuid and /etc/subgid.
	Delegation idmap.Delegation
	// Bundle is the bundle of levels, unless a Spec says otherwise. Daemon describes the host's
	// LXD. On a private host both are the same.
	Bundle, Daemon *bundle.Bundle
	// Map is the idmap of the host's own user namespace.
	Map idmap.Map
	// Remaps reports whether the host's LXD changes the owners of a new container's files,
	// because it cannot mount them idmapped. An LXD in a level always does that.
	Remaps bool
	// Cgroup1 reports whether the machine has cgroup v1 hierarchies.
	Cgroup1 bool
	// AppArmor reports whether the host's kernel enforces AppArmor.
	AppArmor bool
	// Room is the number of levels that the kernel allows on the host.
	Room int
	// StateDir is the directory in which the host's LXD keeps the levels. It is empty if no path
	// of the machine leads there.
	StateDir string
}
