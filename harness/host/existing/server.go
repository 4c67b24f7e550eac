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

// removeBudget is for an LXD to delete a project with a chain in it: 3 s at depth 3.
const removeBudget = 2 * time.Minute

// daemon is an existing LXD, and what a host has there.
type daemon struct {
	LXD
	dial reach.Dialer
	// Of an LXD on another machine: its kernel, and the layout of cgroups as a level there has told it.
	kernel, layout string
	losses         *losses
	project        *project
	all            lxd.InstanceServer // without a project

	// member is where level 1 is, of a cluster.
	member     string
	in         *Cluster
	ownCluster bool // is closed with it
}

// close removes what was made there, and lets go of the LXD.
func (s *daemon) close(ctx context.Context) (err error) {
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
	if s.in != nil && s.in.isDown(ctx, s.member) {
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
	if err != nil && s.in != nil && s.in.someDown(ctx) {
		s.in.leaves(s.project.name)
		return nil
	}
	if err != nil {
		err = s.left(err)
	}
	return err
}

// left returns the error of a project that was not removed.
func (s *daemon) left(why error) *LeftError {
	return &LeftError{LXD: s.Address, Projects: []string{s.project.name}, Err: why}
}

// deleteBudget is for the LXD to delete the project, once its command is told to stop.
const deleteBudget = 30 * time.Second

// willRemove records that the LXD still has to delete the project.
func (s *daemon) willRemove(ctx context.Context) (done func()) {
	return cleanup.Begin(ctx, cleanup.Task{
		What: fmt.Sprintf("the LXD at %s to delete project %s", s.Address, s.project.name), Budget: deleteBudget, Left: s.left(nil),
	})
}

// remove removes what was made there, by what the caller gives, which is done again over the next connection where one was lost.
func (s *daemon) remove(ctx context.Context, undo func(context.Context) error) error {
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

// connect connects to the LXD, and gives what it says of itself.
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
