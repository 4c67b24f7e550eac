package existing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/lxdop"
	"nestbed/harness/inventory"
)

// Cluster places hosts on the members of a clustered LXD: each has its level 1, and all that is inside, on one of them. It is safe for
// use by several goroutines.
type Cluster struct {
	of       *daemon
	all      []string       // the members
	names    []string       // those that may be used
	capacity map[string]int // of each, in hosts at a time
	project  *project       // with nothing in it but the storage pool; nil where that was there
	pool     string

	mu     sync.Mutex
	placed map[string]int   // hosts that each has now
	down   map[string]error // members that do not answer, and how that was seen
	left   []string         // projects that could not be removed for it
}

// online is the status of a member that answers and takes instances (LXD: lxd/db/cluster/nodes.go, ToAPI).
const online = "Online"

// OpenCluster returns the cluster that the LXD is in, nil if it is in none. Hosts on it have the given storage pool or, where that is
// "", one that is made for all of them, as none can be made any more when a member is down. With names only those members are used, else all.
func OpenCluster(ctx context.Context, of LXD, pool string, names ...string) (c *Cluster, err error) {
	s := &daemon{LXD: of}
	defer func() {
		if c == nil && s.all != nil {
			s.all.Disconnect()
		}
		if err != nil {
			err = fmt.Errorf("LXD at %s: %w", of.Address, err)
		}
	}()
	info, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return s.cluster(ctx, info, pool, names)
}

// cluster is OpenCluster for an LXD that is connected to.
func (s *daemon) cluster(ctx context.Context, info *api.Server, pool string, names []string) (*Cluster, error) {
	if !info.Environment.ServerClustered {
		if len(names) > 0 {
			return nil, fmt.Errorf("members %q: it is in no cluster; leave them out", names)
		}
		return nil, nil
	}
	members, err := lxdop.With(ctx, s.all).GetClusterMembers()
	if err != nil {
		return nil, err
	}
	c := &Cluster{of: s, pool: pool, capacity: map[string]int{}, placed: map[string]int{}, down: map[string]error{}}
	for _, m := range members {
		c.all = append(c.all, m.ServerName)
		if len(names) > 0 && !slices.Contains(names, m.ServerName) {
			continue
		}
		c.names = append(c.names, m.ServerName)
		if m.Status != online {
			continue
		}
		has, err := lxdop.With(ctx, s.all).UseTarget(m.ServerName).GetServerResources()
		if err != nil {
			return nil, fmt.Errorf("member %s: %w", m.ServerName, err)
		}
		free := has.Memory.Total - min(has.Memory.Used, has.Memory.Total)
		c.capacity[m.ServerName] = inventory.RoomFor(int(has.CPU.Total), free)
	}
	for _, name := range names {
		if !slices.Contains(c.all, name) {
			return nil, fmt.Errorf("member %s: there is none of that name; there are %q", name, c.all)
		}
	}
	if pool == "" {
		if c.project, err = makeProject(ctx, s.all, "", c.all); err != nil {
			err = fmt.Errorf("%w: %w; name one that is there", ErrMakePool, err)
			if c.project != nil {
				err = errors.Join(err, s.remove(ctx, c.project.remove))
			}
			return nil, err
		}
		c.pool = c.project.pool
	}
	return c, nil
}

// ErrMakePool is the error of a cluster on whose members no storage pool can be made.
var ErrMakePool = errors.New("make a storage pool on each member")

// LeftError is the error of projects that are left on an LXD.
type LeftError struct {
	// LXD is its address, and Projects are the names.
	LXD      string
	Projects []string
	// Err is why they were not removed; nil: a member of the cluster is down.
	Err error
}

func (e *LeftError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%v; left there: %s", e.Err, strings.Join(e.Projects, " "))
	}
	return fmt.Sprintf("a member of the cluster is down, which leaves: %s; wait until it is back", strings.Join(e.Projects, " "))
}

func (e *LeftError) Unwrap() error { return e.Err }

// Close removes what was made for all hosts, which are closed already. A *LeftError tells what a member that is down kept it from, for
// this or for any of the hosts. It is nil-safe.
func (c *Cluster) Close(ctx context.Context) (err error) {
	if c == nil {
		return nil
	}
	defer c.of.all.Disconnect()
	switch {
	case c.project == nil:
	case c.sawDown():
		err = c.project.remove(ctx) // if it can be, see below: it does not help to try again
	default:
		err = c.of.remove(ctx, c.project.remove)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && len(c.down) > 0 {
		c.left = append(c.left, c.project.name)
		err = nil
	}
	if err == nil && len(c.left) > 0 {
		return &LeftError{LXD: c.of.Address, Projects: c.left}
	}
	return err
}

// SideBySide is how many hosts the members have room for at a time.
func (c *Cluster) SideBySide() int {
	all := 0
	for _, n := range c.capacity {
		all += n
	}
	return max(1, all)
}

// String is the members, and how many hosts each has room for: "m1 (4), m2 (4)".
func (c *Cluster) String() string {
	texts := make([]string, 0, len(c.names))
	for _, name := range c.names {
		texts = append(texts, fmt.Sprintf("%s (%d)", name, c.capacity[name]))
	}
	return strings.Join(texts, ", ")
}

// place takes room on the member that has most of it left, and returns that member and what it says of itself. Members
// that are not online, or do not answer, are left out.
func (c *Cluster) place(ctx context.Context) (api.ClusterMember, *api.Server, error) {
	members, err := lxdop.With(ctx, c.of.all).GetClusterMembers()
	if err != nil {
		return api.ClusterMember{}, nil, err
	}
	for {
		best, err := c.take(members)
		if err != nil {
			return api.ClusterMember{}, nil, err
		}
		info, err := c.ask(ctx, best.ServerName)
		if err == nil {
			return best, info, nil
		}
		c.leave(best.ServerName)
		if _, lost := errors.AsType[*LostError](err); lost || ctx.Err() != nil {
			return api.ClusterMember{}, nil, err
		}
		c.sawNoAnswer(best.ServerName, err)
	}
}

// take takes room on the member that has most of it left. It asks nobody, so that the lock is held for a moment only.
func (c *Cluster) take(members []api.ClusterMember) (best api.ClusterMember, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var why []string
	for _, m := range members {
		down := c.down[m.ServerName]
		switch {
		case !slices.Contains(c.names, m.ServerName):
		case m.Status != online:
			why = append(why, refuses(m).Error())
		case down != nil:
			why = append(why, fmt.Sprintf("%s does not answer (%v)", m.ServerName, down))
		case best.ServerName == "" || c.use(m.ServerName) < c.use(best.ServerName):
			best = m
		}
	}
	if best.ServerName == "" {
		return best, fmt.Errorf("no member takes instances: %s", strings.Join(why, ", "))
	}
	c.placed[best.ServerName]++
	return best, nil
}

// leaves notes a project that could not be removed as a member is down.
func (c *Cluster) leaves(project string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.left, project) {
		c.left = append(c.left, project)
	}
}

// use is which part of a member's room is taken.
func (c *Cluster) use(name string) float64 {
	return float64(c.placed[name]) / float64(max(1, c.capacity[name]))
}

// leave gives the room back.
func (c *Cluster) leave(member string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.placed[member]--
}
