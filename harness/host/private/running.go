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

// A Running is a host of another process.
type Running struct {
	Name string

	root   *reach.Root
	server lxd.InstanceServer
}

// Errors of looking for a host that runs.
var (
	ErrEnded    = errors.New("it is no longer running")
	ErrNoneKept = errors.New("no host is kept")
)

// Open opens a running host by its name or state directory. It changes nothing there.
func (r StateRoot) Open(ctx context.Context, name string) (*Running, error) {
	return r.open(ctx, name, false)
}

// OpenTunneled is Open, but reaches levels through LXD exec.
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

// Root returns the host's root directory.
func (r *Running) Root() *reach.Root { return r.root }

// LXD returns a client of the host's LXD.
func (r *Running) LXD() lxd.InstanceServer { return r.server }

// Close disconnects from the host, which runs on.
func (r *Running) Close() {
	r.server.Disconnect()
	r.root.Close()
}

// Lookup returns a running host by its name or state directory. Without a name it returns the
// only kept host, and fails if there is not exactly one.
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

// onlyKept returns the only host that is alive and kept.
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

// Stage returns the pid, on the machine, of the init of the host's namespaces.
func (l Leftover) Stage() int { return l.stage }

// Processes returns the pids, on the machine, of the processes of the host and its levels.
func (l Leftover) Processes() ([]int, error) { return l.groups.Processes() }
