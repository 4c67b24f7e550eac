package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/reach"
)

// Host is a running LXD that chains are built on. Several goroutines may use it at once, and Close may come at any time. What changes
// its Traits, or replaces the client that LXD returns, is for one goroutine at a time.
//
// What only some hosts can do is an interface of its own, and a function that asks a host for it.
type Host interface {
	// String names the host in errors.
	fmt.Stringer
	// Name is unique on the machine.
	Name() string
	// LXD is a client of the host's LXD.
	LXD() lxd.InstanceServer
	// Root is the host's root directory.
	Root() *reach.Root
	// Traits are what the plan of a chain on the host depends on.
	Traits() Traits
	// Facts are for the head of reports.
	Facts() Facts
	// Took is how long it took from nothing to an LXD that is ready.
	Took() time.Duration
	// Pid is the id, on this machine, of the init of the host.
	Pid() int
	// LXCName is how liblxc names a container of the host's LXD.
	LXCName(container string) string
	// Controller returns the host's cgroup in the hierarchy that has the controller, as a directory of this machine, and reports whether
	// that hierarchy is of cgroup v2. The cgroups of level 1 are inside.
	Controller(name string) (dir string, v2 bool, err error)
	// Closed reports whether Close was called.
	Closed() bool
	// Close ends the host, with everything that is on it. It may be called twice.
	Close(ctx context.Context) error
}

// ErrNotOurs is why something cannot be done to an existing LXD.
var ErrNotOurs = errors.New("not supported on an existing LXD: nestbed changes only its own project there; use a private host")

// ErrBusy is why something is left alone: the host whose it is lives.
var ErrBusy = errors.New("in use")

// with has a host do something that only hosts of type A can do.
func with[A any](h Host, op string, do func(A) error) error {
	if able, is := h.(A); is {
		return do(able)
	}
	return unable(h, op)
}

// unable says that a host is of no kind that can do something.
func unable(h Host, op string) error { return fmt.Errorf("%s: %s: %w", h, op, ErrNotOurs) }
