package existing

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/reach"
)

// A Config describes a host on an existing LXD.
type Config struct {
	// LXD is the existing LXD. Its address is required.
	LXD LXD
	// Delegation has as many ids as level 1 gets. LXD may give it other ids.
	Delegation idmap.Delegation
	// Bundle is the bundle of levels. Required.
	Bundle *bundle.Bundle
	// ViaExec makes nestbed reach levels through LXD exec. It does so anyway if this process may
	// not enter the root directory of the LXD.
	ViaExec bool
	// Cluster chooses the member for level 1 if the LXD is in a cluster. The hosts of a run share
	// it. If it is nil, the host opens its own, with the given Members or, without names, with
	// all.
	Cluster *Cluster
	Members []string
	// Pool is a storage pool of that LXD for the levels. If empty, Start makes one on a
	// directory.
	Pool string
}

// A Host is a project of an existing LXD. Nothing else of that LXD or its machine is changed.
type Host struct {
	name    string // of the project
	traits  host.Traits
	idCount uint32
	took    time.Duration

	daemon  *daemon
	root    *reach.Root
	endTask func()

	server lxd.InstanceServer
	closed atomic.Bool
}

// Start makes a host on an existing LXD: a project with a profile and, unless c names one, a
// storage pool. Level 1 gets as many ids as the allocation of c has, at a different place, with
// the keys security.idmap.isolated, base and size. The error is ErrNotOurs if an existing LXD
// cannot have that allocation. After an error nothing is left.
func Start(ctx context.Context, c Config) (h *Host, err error) {
	began := time.Now()
	ids, err := c.idCount()
	if err != nil {
		return nil, fmt.Errorf("LXD at %s: %w", c.LXD.Address, err)
	}
	if c.Bundle == nil {
		return nil, fmt.Errorf("LXD at %s: no bundle given for the levels; make one with bundle.Store", c.LXD.Address)
	}
	h = &Host{traits: host.Traits{Bundle: c.Bundle}, idCount: ids, daemon: &daemon{LXD: c.LXD}}
	h.endTask = func() {} // until something is made
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("LXD at %s: %w", c.LXD.Address, host.OrMemberDown(ctx, h, err)), h.Close(context.WithoutCancel(ctx)))
			h = nil
		}
	}()
	info, err := h.daemon.connect(ctx)
	if err != nil {
		return h, err
	}
	if info, err = h.daemon.placeIn(ctx, c, info); err != nil {
		return h, err
	}
	if h.daemon.cluster != nil {
		c.Pool = h.daemon.cluster.pool
	}
	// First, because killed runs may hold ids that this host could use. An error here is no
	// reason to fail.
	_, _ = h.daemon.reap(ctx)
	if err := h.inspect(ctx, info, c.ViaExec); err != nil {
		return h, err
	}
	h.daemon.project, err = makeProject(ctx, h.daemon.all, c.Pool, nil)
	if h.daemon.project != nil {
		h.endTask = h.daemon.beginRemoval(ctx)
	}
	if err != nil {
		return h, err
	}
	h.name = h.daemon.project.name
	h.root.UseProject(h.name)
	h.root.UseStore(c.Bundle.Store())
	if h.server, err = h.root.Client(context.WithoutCancel(ctx)); err != nil {
		return h, err
	}
	if h.Elsewhere() {
		if err := h.askIDs(ctx); err != nil {
			return h, err
		}
	}
	h.took = time.Since(began)
	return h, nil
}

// idCount returns how many ids level 1 gets. It refuses an allocation that an existing LXD cannot
// imitate.
func (c Config) idCount() (uint32, error) {
	uid, gid := idmap.Read(c.Delegation.UID, idmap.LXD), idmap.Read(c.Delegation.GID, idmap.LXD)
	refuse := func(what string) (uint32, error) { return 0, fmt.Errorf("%s: %w", what, host.ErrNotOurs) }
	switch {
	case len(uid.Ranges) == 0 || len(gid.Ranges) == 0:
		return refuse("a host without an allocation, so level 1 would have no ids")
	case c.Delegation.UID != c.Delegation.GID || len(uid.Ranges) != 1:
		return refuse(fmt.Sprintf("an allocation of %s: level 1 has one range of ids there, the same for users and groups", c.Delegation))
	case uid.Ranges[0].Count < idmap.Block:
		return refuse(fmt.Sprintf("an allocation of %s, fewer than the %d ids that a level has", c.Delegation, idmap.Block))
	}
	return uid.Ranges[0].Count, nil
}

func (h *Host) String() string { return "LXD at " + h.daemon.Address }

// Name returns the name of the project.
func (h *Host) Name() string { return h.name }

// LXD returns a client of the LXD that uses the project.
func (h *Host) LXD() lxd.InstanceServer { return h.server }

// Root returns the root directory that the LXD sees.
func (h *Host) Root() *reach.Root { return h.root }

// Traits returns what the plan of a chain on the host depends on.
func (h *Host) Traits() host.Traits { return h.traits }

// Facts returns the facts for the head of reports. For another machine some are "unknown" until
// Learn.
func (h *Host) Facts() host.Facts {
	f := host.FactsOf(h.traits.Bundle)
	d := h.traits.Daemon
	f.LXD, f.Package, f.Flavor = d.LXD, d.Package, d.Flavor
	if f.Member = h.Member(); h.Elsewhere() {
		f.Kernel, f.Cgroup, f.AppArmor = h.daemon.kernel, host.NotKnown, host.NotKnown
		if h.daemon.layout != "" {
			f.Cgroup, f.AppArmor = h.daemon.layout, host.AppArmorState(h.traits.AppArmor)
		}
	}
	return f
}

// Took returns how long it took to make the host.
func (h *Host) Took() time.Duration { return h.took }

// Pid returns the pid of the machine's init.
func (h *Host) Pid() int { return 1 }

// LXCName returns liblxc's name of a container of the LXD. It contains the project, which is
// never the default one (LXD: lxd/project/project.go, Instance).
func (h *Host) LXCName(container string) string { return h.name + "_" + container }

// Controller returns the root of the controller's hierarchy, in which LXD makes the cgroups of
// containers.
func (h *Host) Controller(name string) (dir string, v2 bool, err error) {
	if dir, v2, err = cgroup.Controller(name, ""); err != nil {
		err = fmt.Errorf("%s: cgroup: %w", h, err)
	}
	return dir, v2, err
}

// IDCount returns how many ids level 1 gets.
func (h *Host) IDCount() uint32 { return h.idCount }

// Pool returns the storage pool of level 1.
func (h *Host) Pool() string { return h.daemon.project.pool }

// Member returns the cluster member that level 1 is on, "" if the LXD is not in a cluster.
func (h *Host) Member() string { return h.daemon.member }

// PlacementClient returns a client of the LXD that creates instances on the member of level 1.
func (h *Host) PlacementClient() lxd.InstanceServer {
	if h.Member() == "" {
		return h.LXD()
	}
	return h.LXD().UseTarget(h.daemon.member)
}

// MemberDown asks the cluster member that level 1 is on. It returns a *MemberDownError if the
// member does not answer or is evacuated, which stops its instances. It returns nil if the LXD is
// not in a cluster.
func (h *Host) MemberDown(ctx context.Context) error {
	if h.Member() == "" {
		return nil
	}
	if err := h.daemon.cluster.unavailable(ctx, h.daemon.member); err != nil {
		return &host.MemberDownError{Member: h.daemon.member, Err: err}
	}
	return nil
}

// OtherMemberDown returns a *MemberDownError for another member that does not answer and may have
// caused the failure.
func (h *Host) OtherMemberDown(ctx context.Context, failure error) error {
	if h.Member() == "" || failure == nil {
		return nil
	}
	name, err := h.daemon.cluster.downMember(ctx, failure.Error())
	if err == nil {
		return nil
	}
	return &host.MemberDownError{Member: name, Err: err}
}

// Closed reports whether Close was called.
func (h *Host) Closed() bool { return h.closed.Load() }

// Close removes the project with everything in it, and disconnects from the LXD. It accepts nil
// and may be called twice.
func (h *Host) Close(ctx context.Context) error {
	if h == nil || h.closed.Swap(true) {
		return nil
	}
	defer h.endTask()
	if h.server != nil {
		h.server.Disconnect()
	}
	h.root.Close()
	defer reservations.release(h)
	if err := h.daemon.close(ctx); err != nil {
		return fmt.Errorf("host %s: close: %w", h.name, err)
	}
	return nil
}
