package harness

import (
	"context"
	"fmt"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

// Daemon is a LXD that makes levels: the host's or that of a level.
type Daemon interface {
	LXD() lxd.InstanceServer
	Root() *reach.Root
}

// Level is one container of a chain that is up, with the LXD inside it.
type Level struct {
	// Index is how deep it is: 1 is made by the host's LXD.
	Index int
	// Name is the container's: c1, c2, ...
	Name string
	// Bundle is what it runs.
	Bundle *bundle.Bundle
	// Took is how long it took to make, Phases where that went.
	Took   time.Duration
	Phases []Phase

	above  Daemon
	root   *reach.Root
	server lxd.InstanceServer
	worked time.Duration // how long LXD was at the last operation
}

// LXD is a client of the LXD inside the level.
func (l *Level) LXD() lxd.InstanceServer { return l.server }

// Root is the level's root directory.
func (l *Level) Root() *reach.Root { return l.root }

// ReadFile reads a file of the level.
func (l *Level) ReadFile(ctx context.Context, path string) ([]byte, error) {
	b, err := l.root.ReadFile(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return b, nil
}

// Map is the idmap as the level itself sees it: inside and parent ids.
func (l *Level) Map(ctx context.Context) (idmap.Map, error) {
	// The kernel writes the middle column in ids of whoever opens the file, and
	// for a process of the same user namespace in ids of the parent.
	out, err := l.Exec(ctx, "sh", "-c", "cat /proc/self/uid_map; echo; cat /proc/self/gid_map")
	if err != nil {
		return idmap.Map{}, err
	}
	uid, gid, _ := strings.Cut(out, "\n\n")
	m, err := idmap.ParseMap(uid, gid)
	if err != nil {
		return m, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return m, nil
}

// HostMap is the idmap as the machine sees it: inside and host ids.
func (l *Level) HostMap(ctx context.Context) (idmap.Map, error) {
	m, err := l.root.IDMap(ctx, "1")
	if err != nil {
		return m, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return m, nil
}

// Release lets go of the level's descriptors.
func (l *Level) Release() {
	if l.server != nil {
		l.server.Disconnect()
	}
	l.root.Close()
	l.server, l.root = nil, nil
}

// Above returns the daemon that made the level.
func (l *Level) Above() Daemon { return l.above }

// NewLevel returns a container that the daemon above has, or will have, by that name. It is not up yet.
func NewLevel(above Daemon, index int, name string) *Level {
	return &Level{Index: index, Name: name, above: above}
}
