package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/reach"
)

// A Host is a running LXD that chains are built on. Several goroutines may use it at once, and
// Close may be called at any time. Only one goroutine at a time may change its Traits or replace
// the client that LXD returns.
//
// Abilities of some hosts are interfaces of their own, with functions that use them.
type Host interface {
	// String returns the name of the host in errors.
	fmt.Stringer
	// Name returns a name that is unique on the machine.
	Name() string
	// LXD returns a client of the host's LXD.
	LXD() lxd.InstanceServer
	// Root returns the host's root directory.
	Root() *reach.Root
	// Traits returns what the plan of a chain on the host depends on.
	Traits() Traits
	// Facts returns the facts for the head of reports.
	Facts() Facts
	// Took returns how long it took to make the host, until LXD was ready.
	Took() time.Duration
	// Pid returns the pid, on this machine, of the init of the host.
	Pid() int
	// LXCName returns liblxc's name of a container of the host's LXD.
	LXCName(container string) string
	// Controller returns the host's cgroup in the hierarchy of the controller, as a directory of
	// this machine. It also reports whether that hierarchy is cgroup v2. The cgroups of level 1
	// are inside.
	Controller(name string) (dir string, v2 bool, err error)
	// Closed reports whether Close was called.
	Closed() bool
	// Close ends the host with everything on it. It may be called twice.
	Close(ctx context.Context) error
}

// ErrNotOurs is the error of an operation that nestbed does not do to an existing LXD.
var ErrNotOurs = errors.New("not supported on an existing LXD: nestbed changes only its own project there; use a private host")

// ErrBusy is the error of clearing something whose host is alive.
var ErrBusy = errors.New("in use")

// with has a host do something that only hosts of type A can do.
func with[A any](h Host, op string, do func(A) error) error {
	if able, is := h.(A); is {
		return do(able)
	}
	return unable(h, op)
}

// unable returns the error of a host that does not have the ability.
func unable(h Host, op string) error { return fmt.Errorf("%s: %s: %w", h, op, ErrNotOurs) }
