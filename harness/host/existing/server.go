package existing

import (
	"context"
	"errors"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/cleanup"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/keyring"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// removeBudget is how long LXD may take to delete a project with a chain. At depth 3 it takes 3
// s.
const removeBudget = 2 * time.Minute

// daemon is an existing LXD, and what a host has there.
type daemon struct {
	LXD
	dial reach.Dialer
	// Of an LXD on another machine: its kernel, and the cgroup layout that a level there
	// reported.
	kernel, layout string
	losses         *losses
	project        *project
	all            lxd.InstanceServer // uses no project

	// member is the cluster member that level 1 is on.
	member     string
	cluster    *Cluster
	ownCluster bool // close closes it, too
}

// close removes what the host made, and disconnects from the LXD.
func (s *daemon) close(ctx context.Context) (err error) {
	if s.all == nil {
		return nil
	}
	defer func() { s.all.Disconnect() }()
	if s.ownCluster {
		defer func() { err = errors.Join(err, s.cluster.Close(ctx)) }()
	}
	if s.member != "" {
		defer s.cluster.releaseRoom(s.member)
	}
	if s.project == nil {
		return nil
	}
	if s.cluster != nil && s.cluster.isDown(ctx, s.member) {
		s.cluster.recordLeft(s.project.name)
		return nil
	}
	undo := s.project.remove
	if s.cluster != nil && s.cluster.anyMarkedDown() {
		undo = s.project.empty // deletes instances only: the rest would fail, see below
		s.cluster.recordLeft(s.project.name)
	}
	err = s.remove(ctx, undo)
	// LXD deletes no image, and so no project, while any member is down (LXD: lxd/images.go,
	// imageDelete, which notifies all members).
	if err != nil && s.cluster != nil && s.cluster.anyDown(ctx) {
		s.cluster.recordLeft(s.project.name)
		return nil
	}
	if err != nil {
		err = s.leftError(err)
	}
	return err
}

// leftError returns the error of a project that was not removed.
func (s *daemon) leftError(why error) *LeftError {
	return &LeftError{LXD: s.Address, Projects: []string{s.project.name}, Err: why}
}

// deleteBudget is how long the LXD may take to delete the project after the command was told to
// stop.
const deleteBudget = 30 * time.Second

// beginRemoval registers the task of deleting the project. Call done when it has ended.
func (s *daemon) beginRemoval(ctx context.Context) (done func()) {
	return cleanup.Begin(ctx, cleanup.Task{
		What: fmt.Sprintf("the LXD at %s to delete project %s", s.Address, s.project.name), Budget: deleteBudget, Left: s.leftError(nil),
	})
}

// remove calls undo. If a connection was lost, it calls undo again over the next one.
func (s *daemon) remove(ctx context.Context, undo func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(context.WithoutCancel(ctx), removeBudget, fmt.Errorf("%w: it was given %s", wait.ErrTimeout, removeBudget))
	defer cancel()
	return wait.For(ctx, "remove what was made", removeBudget, func(ctx context.Context) error {
		err := undo(ctx)
		if err != nil && s.losses.since(time.Time{}) == nil {
			return wait.Final(err)
		}
		// Try again over the next connection. What was requested over a lost one may be made only
		// now.
		return err
	})
}

// connect connects to the LXD, and returns its description of itself.
func (s *daemon) connect(ctx context.Context) (*api.Server, error) {
	dial, err := s.dialer()
	if err != nil {
		return nil, err
	}
	if keyring.IsAddress(s.Address) {
		s.losses = &losses{address: s.Address}
		dial = s.losses.watch(dial)
	}
	s.dial = dial
	if s.all, err = reach.Remote(s.Address, dial).Client(context.WithoutCancel(ctx)); err != nil {
		return nil, unreachable(s.Address, err)
	}
	info, _, err := lxdop.With(ctx, s.all).GetServer()
	if err != nil {
		return nil, err
	}
	if info.Auth != "trusted" {
		return nil, s.untrusted(info.Auth)
	}
	return info, nil
}
