package existing

import (
	"cmp"
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

// A Cluster places hosts on the members of a clustered LXD. Level 1 of a host, with everything
// inside, is on one member. Several goroutines may use a Cluster.
type Cluster struct {
	daemon   *daemon
	all      []string       // the members
	names    []string       // the members that may be used
	capacity map[string]int // how many hosts each may have at a time
	project  *project       // owns the storage pool; nil if the pool was there before
	pool     string

	mu     sync.Mutex
	placed map[string]int   // how many hosts each has now
	down   map[string]error // members that do not answer, and the error
	left   []string         // projects that could not be removed because of down
}

// Statuses of a member (LXD: lxd/db/node.go, ToAPI).
const (
	online    = "Online"    // it answered a heartbeat a short time ago, and accepts instances
	offline   = "Offline"   // it did not, or the leader is new; if it answers, it accepts instances
	evacuated = "Evacuated" // its instances were stopped or moved, and it accepts none
)

// OpenCluster returns the cluster of the LXD, and nil if it is not in one. Hosts use the given
// storage pool. If pool is empty, OpenCluster makes one for all hosts now, because LXD cannot
// make a pool while a member is down. names selects the members to use; without names all are
// used.
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
	return s.openCluster(ctx, info, pool, names)
}

// openCluster is OpenCluster after the connection was made.
func (s *daemon) openCluster(ctx context.Context, info *api.Server, pool string, names []string) (*Cluster, error) {
	if !info.Environment.ServerClustered {
		if len(names) > 0 {
			return nil, fmt.Errorf("members %q: the LXD is not in a cluster; leave them out", names)
		}
		return nil, nil
	}
	members, err := lxdop.With(ctx, s.all).GetClusterMembers()
	if err != nil {
		return nil, err
	}
	c := &Cluster{daemon: s, pool: pool, capacity: map[string]int{}, placed: map[string]int{}, down: map[string]error{}}
	for _, m := range members {
		c.all = append(c.all, m.ServerName)
		if len(names) > 0 && !slices.Contains(names, m.ServerName) {
			continue
		}
		c.names = append(c.names, m.ServerName)
		if m.Status != online { // it may not answer
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
			return nil, fmt.Errorf("member %s: not found; the members are %q", name, c.all)
		}
	}
	if pool == "" {
		if c.project, err = makeProject(ctx, s.all, "", c.all); err != nil {
			err = fmt.Errorf("%w: %w; name an existing one", ErrMakePool, err)
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

// A LeftError reports projects that are left on an LXD.
type LeftError struct {
	// LXD is the address, Projects are the names.
	LXD      string
	Projects []string
	// Err is the reason. It is nil if a member of the cluster is down.
	Err error
}

func (e *LeftError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("%v; left there: %s", e.Err, strings.Join(e.Projects, " "))
	}
	return fmt.Sprintf("left there, because a member of the cluster is down: %s; wait until it is back", strings.Join(e.Projects, " "))
}

func (e *LeftError) Unwrap() error { return e.Err }

// Close removes what was made for all hosts. Close the hosts first. If a member is down, the
// error is a *LeftError that lists the projects of hosts, too. Close accepts nil.
func (c *Cluster) Close(ctx context.Context) (err error) {
	if c == nil {
		return nil
	}
	defer c.daemon.all.Disconnect()
	switch {
	case c.project == nil:
	case c.anyMarkedDown():
		err = c.project.remove(ctx) // tried once only, because LXD may refuse while a member is down
	default:
		err = c.daemon.remove(ctx, c.project.remove)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil && len(c.down) > 0 {
		c.left = append(c.left, c.project.name)
		err = nil
	}
	if err == nil && len(c.left) > 0 {
		return &LeftError{LXD: c.daemon.Address, Projects: c.left}
	}
	return err
}

// Capacity returns how many hosts fit on the members at a time, at least 1.
func (c *Cluster) Capacity() int {
	all := 0
	for _, n := range c.capacity {
		all += n
	}
	return max(1, all)
}

// String returns the members and how many hosts fit on each, such as "m1 (4), m2 (4)".
func (c *Cluster) String() string {
	texts := make([]string, 0, len(c.names))
	for _, name := range c.names {
		texts = append(texts, fmt.Sprintf("%s (%d)", name, c.capacity[name]))
	}
	return strings.Join(texts, ", ")
}

// place reserves room on the member that has the most left, and returns that member and its
// answer. It skips members that do not answer.
func (c *Cluster) place(ctx context.Context) (api.ClusterMember, *api.Server, error) {
	members, err := lxdop.With(ctx, c.daemon.all).GetClusterMembers()
	if err != nil {
		return api.ClusterMember{}, nil, err
	}
	for {
		best, err := c.reserveRoom(members)
		if err != nil {
			return api.ClusterMember{}, nil, err
		}
		info, err := c.ask(ctx, best.ServerName)
		if err == nil {
			return best, info, nil
		}
		c.releaseRoom(best.ServerName)
		if _, lost := errors.AsType[*LostError](err); lost || ctx.Err() != nil {
			return api.ClusterMember{}, nil, err
		}
		c.markDown(best.ServerName, err)
	}
}

// reserveRoom reserves room on the member that has the most left; offline ones come last. It makes
// no request, so that it holds the lock only for a moment.
func (c *Cluster) reserveRoom(members []api.ClusterMember) (best api.ClusterMember, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var usable []api.ClusterMember
	var why []string
	for _, m := range members {
		down := c.down[m.ServerName]
		switch {
		case !slices.Contains(c.names, m.ServerName):
		case m.Status != online && m.Status != offline:
			why = append(why, refusal(m).Error())
		case down != nil:
			why = append(why, fmt.Sprintf("%s does not answer (%v)", m.ServerName, down))
		default:
			usable = append(usable, m)
		}
	}
	if len(usable) == 0 {
		return best, fmt.Errorf("no member accepts instances: %s", strings.Join(why, ", "))
	}
	best = slices.MinFunc(usable, func(a, b api.ClusterMember) int {
		// In the order of the alphabet, online is after offline.
		return cmp.Or(cmp.Compare(b.Status, a.Status), cmp.Compare(c.load(a.ServerName), c.load(b.ServerName)))
	})
	c.placed[best.ServerName]++
	return best, nil
}

// recordLeft records a project that could not be removed because a member is down.
func (c *Cluster) recordLeft(project string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.left, project) {
		c.left = append(c.left, project)
	}
}

// load returns how much of a member's room is reserved: 1 means all of it.
func (c *Cluster) load(name string) float64 {
	return float64(c.placed[name]) / float64(max(1, c.capacity[name]))
}

// releaseRoom releases the room of one host.
func (c *Cluster) releaseRoom(member string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.placed[member]--
}
