package start

import (
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// Needs lists what a chain needs from its host, for any kind of host.
type Needs struct {
	// Delegation is the host's allocation. On an existing LXD, level 1 gets as many ids.
	Delegation idmap.Delegation
	// Bundle is the bundle of the levels and of a private host. Required.
	Bundle *bundle.Bundle
	// InMemory and SharePIDs are those of private.Config. An existing LXD ignores them.
	InMemory  int
	SharePIDs bool
	// Loops, Disk and NoIdmapped are those of private.Config. An existing LXD refuses them.
	Loops      bool
	Disk       int64
	NoIdmapped bool
}
