package harness

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/bridge"
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

// A Daemon is an LXD that makes levels: the host's or that of a level.
type Daemon interface {
	LXD() lxd.InstanceServer
	Root() *reach.Root
}

// A Level is one container of a chain that is up, with the LXD inside it.
type Level struct {
	// Index is the depth of the level. The host's LXD makes level 1.
	Index int
	// Name is the name of the container: c1, c2, ...
	Name string
	// Bundle is the bundle that the level runs.
	Bundle *bundle.Bundle
	// Thin means that /usr of the level is that of the level above, read-only. Otherwise the level
	// has its own.
	Thin bool
	// Took is the time that the level took to make, and Phases the time of each operation.
	Took   time.Duration
	Phases []Phase

	above  Daemon
	root   *reach.Root
	server lxd.InstanceServer
	worked time.Duration // how long LXD worked at the last operation
}

// Interface is the name of the interface by which a level is connected to the bridge above it.
const Interface = "eth0"

// newLevel returns a level of the chain that is not up.
func (c *Chain) newLevel(above Daemon, index int) *Level {
	h := c.Host.Traits()
	return &Level{Index: index, Name: ContainerName(index), Bundle: c.Spec.BundleOf(h, index), Thin: c.Spec.Thin(h, index), above: above}
}

// image returns the image that the level is made from.
func (l *Level) image() bundle.Image {
	if l.Thin {
		return l.Bundle.Thin
	}
	return l.Bundle.Whole
}

// devices returns the devices that the level's container needs in addition to those of its
// profile.
func (l *Level) devices(spec LevelSpec) map[string]map[string]string {
	devices := map[string]map[string]string{}
	if l.Thin {
		devices["usr"] = map[string]string{"type": "disk", "source": "/usr", "path": "/usr", "readonly": "true"}
	}
	if spec.Network != nil {
		devices[Interface] = map[string]string{"type": "nic", "network": bridge.Name, "name": Interface}
		maps.Copy(devices[Interface], spec.Interface)
	}
	return devices
}

// LXD returns a client of the LXD inside the level.
func (l *Level) LXD() lxd.InstanceServer { return l.server }

// Root returns the level's root directory.
func (l *Level) Root() *reach.Root { return l.root }

// ReadFile reads a file of the level.
func (l *Level) ReadFile(ctx context.Context, path string) ([]byte, error) {
	b, err := l.root.ReadFile(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return b, nil
}

// Map returns the idmap as the level sees it, with inside and parent ids.
func (l *Level) Map(ctx context.Context) (idmap.Map, error) {
	// The kernel shows parent ids to a process inside (man 7 user_namespaces).
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

// HostMap returns the idmap as the host sees it, with inside and host ids.
func (l *Level) HostMap(ctx context.Context) (idmap.Map, error) {
	m, err := l.root.IDMap(ctx, "1")
	if err != nil {
		return m, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return m, nil
}

// Release closes the level's descriptors and its client.
func (l *Level) Release() {
	if l.server != nil {
		l.server.Disconnect()
	}
	l.root.Close()
	l.server, l.root = nil, nil
}

// Above returns the daemon that made the level.
func (l *Level) Above() Daemon { return l.above }

// NewLevel returns a level that is not up: the container of that name, which the daemon above has
// or will have.
func NewLevel(above Daemon, index int, name string) *Level {
	return &Level{Index: index, Name: name, above: above}
}

// Join brings the interface of a level up if it has one, as the init of a distribution does. It
// returns when dnsmasq has given the level an IPv4 address.
func (l *Level) Join(ctx context.Context, spec LevelSpec) error {
	if spec.Network == nil {
		return nil
	}
	_, err := l.Exec(ctx, bundle.JoinProgram)
	return err
}
