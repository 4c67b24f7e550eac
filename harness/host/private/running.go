package private

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/reach"
)

// Running is a host of another process, looked into from outside.
type Running struct {
	Name string

	root   *reach.Root
	server lxd.InstanceServer
}

// Why there is no host to look into.
var (
	ErrEnded    = errors.New("it does not run any more")
	ErrNoneKept = errors.New("no host is kept")
)

// Open looks into a host that runs, by its name or state directory. It changes nothing there.
func (r StateRoot) Open(ctx context.Context, name string) (*Running, error) {
	return r.open(ctx, name, false)
}

// OpenTunneled is Open with levels that are reached through LXD exec.
func (r StateRoot) OpenTunneled(ctx context.Context, name string) (*Running, error) {
	return r.open(ctx, name, true)
}

func (r StateRoot) open(ctx context.Context, name string, tunneled bool) (*Running, error) {
	l, err := r.find(name)
	if err != nil {
		return nil, err
	}
	if !l.Live {
		return nil, fmt.Errorf("host %s: %w", name, ErrEnded)
	}
	of := &Running{Name: l.Name}
	if of.root, err = reach.OpenProcess(l.stage); err != nil {
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	if tunneled {
		of.root.Tunnel()
	}
	if of.server, err = of.root.Connect(ctx, nil); err != nil {
		of.root.Close()
		return nil, fmt.Errorf("host %s: %w", name, err)
	}
	return of, nil
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

// Lookup finds a host that runs, by its name or state directory; without a name, the only one that is kept.
func (r StateRoot) Lookup(name string) (Leftover, error) {
	if name != "" {
		l, err := r.find(name)
		if err == nil && !l.Live {
			err = fmt.Errorf("host %s: %w", name, ErrEnded)
		}
		return l, err
	}
	all, err := r.Leftovers()
	if err != nil {
		return Leftover{}, err
	}
	return onlyKept(all)
}

// onlyKept is the one among them that lives and is kept.
func onlyKept(all []Leftover) (Leftover, error) {
	kept := slices.DeleteFunc(slices.Clone(all), func(l Leftover) bool { return !l.Live || !l.Kept })
	switch len(kept) {
	case 0:
		return Leftover{}, ErrNoneKept
	case 1:
		return kept[0], nil
	}
	var names []string
	for _, l := range kept {
		names = append(names, l.Name)
	}
	return Leftover{}, fmt.Errorf("%d hosts are kept: %s; name one of them", len(kept), strings.Join(names, ", "))
}

func (l Leftover) String() string { return "host " + l.Name }

// Stage is the id, on the machine, of the init of the host's namespaces.
func (l Leftover) Stage() int { return l.stage }

// Processes are those of the host and of everything on it, by their ids on the machine.
func (l Leftover) Processes() ([]int, error) { return l.groups.Processes() }
