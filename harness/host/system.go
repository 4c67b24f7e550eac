package host

import (
	"context"
	"errors"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/cleanup"
	"nestbed/harness/keyring"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// ErrNotOurs is why something cannot be done to a LXD that runs by itself.
var ErrNotOurs = errors.New("it is not nestbed's: nothing but what is in a project of nestbed's own is touched there; a private host can do that")

// removeBudget is for a LXD to delete a project with a chain in it: 3 s at depth 3.
const removeBudget = 2 * time.Minute

// system is what of a host there is where its LXD runs by itself.
type system struct {
	address string
	dial    reach.Dialer
	// Of a LXD on another machine: its kernel, and the layout of cgroups as a level there has told it.
	kernel, layout string
	losses         *losses
	project        *project
	all            lxd.InstanceServer // without a project

	// member is where level 1 is, of a cluster.
	member     string
	in         *Cluster
	ownCluster bool // is closed with it
}

// System makes a host of an existing LXD, in a project of its own there, with a profile and, unless the Config names one, a storage
// pool. It changes nothing else of that LXD or of the machine. Level 1 gets as many ids as the Config's allocation has, elsewhere, by
// security.idmap.isolated, base and size. The error is ErrNotOurs if an existing LXD cannot be what the Config says. After any error
// nothing is left.
func System(ctx context.Context, c Config) (h *Host, err error) {
	began := time.Now()
	supply, err := c.supply()
	if err != nil {
		return nil, fmt.Errorf("LXD at %s: %w", c.LXD, err)
	}
	if c.Bundle == nil {
		return nil, fmt.Errorf("LXD at %s: no bundle given for the levels; make one with bundle.Make", c.LXD)
	}
	h = &Host{traits: Traits{Bundle: c.Bundle}, supply: supply, system: &system{address: c.LXD}}
	h.removed = func() {} // until something is made
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("LXD at %s: %w", c.LXD, h.OrMemberDown(err)), h.Close(context.WithoutCancel(ctx)))
			h = nil
		}
	}()
	info, err := h.system.connect(ctx)
	if err != nil {
		return h, err
	}
	if info, err = h.system.placeIn(ctx, c, info); err != nil {
		return h, err
	}
	if h.system.in != nil {
		c.Pool = h.system.in.pool
	}
	// First, as killed runs may have the ids that are looked for. As with private hosts: that it does not succeed is no reason to fail.
	_, _ = h.system.reap(ctx)
	if err := h.lookAt(ctx, info, c.Far); err != nil {
		return h, err
	}
	h.system.project, err = makeProject(h.system.all, c.Pool, nil)
	if h.system.project != nil {
		h.removed = h.system.willRemove(ctx)
	}
	if err != nil {
		return h, err
	}
	h.name = h.system.project.name
	h.root.UseProject(h.name)
	server, err := h.root.Client(context.WithoutCancel(ctx))
	if err != nil {
		return h, err
	}
	h.setServer(server)
	if h.Elsewhere() {
		if err := h.askIDs(ctx); err != nil {
			return h, err
		}
	}
	h.took = time.Since(began)
	return h, nil
}

// close removes what was made there, and lets go of the LXD.
func (s *system) close(ctx context.Context) (err error) {
	if s.all == nil {
		return nil
	}
	defer func() { s.all.Disconnect() }()
	if s.ownCluster {
		defer func() { err = errors.Join(err, s.in.Close(ctx)) }()
	}
	if s.member != "" {
		defer s.in.leave(s.member)
	}
	if s.project == nil {
		return nil
	}
	if s.in != nil && s.in.isDown(s.member) {
		s.in.leaves(s.project.name)
		return nil
	}
	undo := s.project.remove
	if s.in != nil && s.in.sawDown() {
		undo = s.project.empty // which is all that there is a way to do, see below
		s.in.leaves(s.project.name)
	}
	err = s.remove(ctx, undo)
	// LXD deletes no image while any member is down (LXD: lxd/images.go, imageDelete, which notifies all), and so no project.
	if err != nil && s.in != nil && s.in.someDown() {
		s.in.leaves(s.project.name)
		return nil
	}
	if err != nil {
		err = fmt.Errorf("%w; what is left there is removed by: %s", err, s.reapCommand())
	}
	return err
}

// reapCommand is the command that removes what is left of the project.
func (s *system) reapCommand() string {
	return fmt.Sprintf("nestbed reap --host %s %s", s.form(), s.project.name)
}

// deleteBudget is for the LXD to delete the project, once its command is told to stop.
const deleteBudget = 30 * time.Second

// willRemove records that the LXD still has to delete the project.
func (s *system) willRemove(ctx context.Context) (done func()) {
	return cleanup.Begin(ctx, cleanup.Task{
		What: fmt.Sprintf("the LXD at %s to delete project %s", s.address, s.project.name), Budget: deleteBudget, Command: s.reapCommand(),
	})
}

// remove removes what was made there, by what the caller gives, which is done again over the next connection where one was lost.
func (s *system) remove(ctx context.Context, undo func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), removeBudget, fmt.Errorf("%w: it was given %s", wait.ErrTimeout, removeBudget))
	defer cancel()
	return wait.For(ctx, "remove what was made", removeBudget, func(ctx context.Context) error {
		err := undo(ctx)
		if err != nil && s.losses.since(time.Time{}) == nil {
			return wait.Final(err)
		}
		// What a lost connection kept from it is done over the next one; and what was asked for over one lost earlier may only now come to be.
		return err
	})
}

// form is how the host is written on a command line.
func (s *system) form() string {
	if keyring.IsAddress(s.address) {
		return s.address
	}
	return "system:" + s.address
}

// connect connects to the LXD, and gives what it says of itself.
func (s *system) connect(ctx context.Context) (*api.Server, error) {
	dial, err := dialerOf(s.address)
	if err != nil {
		return nil, err
	}
	if keyring.IsAddress(s.address) {
		s.losses = &losses{address: s.address}
		dial = s.losses.watch(dial)
	}
	s.dial = dial
	if s.all, err = reach.Remote(s.address, dial).Client(context.WithoutCancel(ctx)); err != nil {
		return nil, unreachable(s.address, err)
	}
	info, _, err := s.all.GetServer()
	if err != nil {
		return nil, err
	}
	if info.Auth != "trusted" {
		return nil, untrusted(s.address, info.Auth)
	}
	return info, nil
}

// supply is how many ids level 1 shall have: those of an allocation that such a LXD can stand in for.
func (c Config) supply() (uint32, error) {
	uid, gid := idmap.Read(c.Delegation.UID, idmap.LXD), idmap.Read(c.Delegation.GID, idmap.LXD)
	refuse := func(what string) (uint32, error) { return 0, fmt.Errorf("%s: %w", what, ErrNotOurs) }
	switch {
	case c.Disk > 0 || c.Loops || c.NoIdmapped:
		return refuse("a disk of its own, loop devices or no idmapped mounts")
	case len(uid.Ranges) == 0 || len(gid.Ranges) == 0:
		return refuse("a host without an allocation, of which level 1 would have no ids")
	case c.Delegation.UID != c.Delegation.GID || len(uid.Ranges) != 1:
		return refuse(fmt.Sprintf("an allocation of %s: level 1 has one range of ids there, for users and groups alike", c.Delegation))
	case uid.Ranges[0].Count < idmap.Block:
		return refuse(fmt.Sprintf("an allocation of %s, fewer than the %d that a level has", c.Delegation, idmap.Block))
	}
	return uid.Ranges[0].Count, nil
}
