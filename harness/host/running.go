package host

import (
	"context"
	"fmt"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/reach"
)

// Running is a host of another process, looked into from outside.
type Running struct {
	Name string

	root   *reach.Root
	server lxd.InstanceServer
}

// Open looks into a host that runs, by its name or state directory, as nestbed
// reap --list shows it. It changes nothing there.
func Open(ctx context.Context, name string) (*Running, error) { return open(ctx, name, false) }

// OpenFar is Open with levels that are reached by exec, as those of a Config that is Far.
func OpenFar(ctx context.Context, name string) (*Running, error) { return open(ctx, name, true) }

func open(ctx context.Context, name string, far bool) (*Running, error) {
	l, err := find(name)
	if err != nil {
		return nil, err
	}
	if !l.Live {
		return nil, fmt.Errorf("host %s: it does not run any more; nestbed reap clears what it left", name)
	}
	r := &Running{Name: l.Name}
	if r.root, err = reach.OpenProcess(l.stage); err != nil {
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	if far {
		r.root.Tunnel()
	}
	if r.server, err = r.root.Connect(ctx, nil); err != nil {
		r.root.Close()
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	return r, nil
}

// Root is the host's root directory.
func (r *Running) Root() *reach.Root { return r.root }

// LXD is a client of the host's LXD.
func (r *Running) LXD() lxd.InstanceServer { return r.server }

// Close lets go of the host, which runs on.
func (r *Running) Close() {
	r.server.Disconnect()
	r.root.Close()
}
