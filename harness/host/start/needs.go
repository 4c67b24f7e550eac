package start

import (
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// Needs is what a chain needs of its host, whatever kind that is.
type Needs struct {
	// Delegation is what the host hands down. On an existing LXD, level 1 gets as many ids.
	Delegation idmap.Delegation
	// Bundle is what the levels run, and a private host. Required.
	Bundle *bundle.Bundle
	// InMemory and SharePIDs are those of private.Config. An existing LXD is as it is.
	InMemory  int
	SharePIDs bool
	// Loops, Disk and NoIdmapped are those of private.Config. An existing LXD cannot have them.
	Loops      bool
	Disk       int64
	NoIdmapped bool
}
