package sibling

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// Stop kills a sibling.
func (s *Siblings) Stop(ctx context.Context, name string) error {
	l, err := s.Get(name)
	if err != nil {
		return err
	}
	delete(s.up, name)
	return s.halt(ctx, l)
}

func (s *Siblings) halt(ctx context.Context, l *harness.Level) error {
	above, name := s.above(), l.Name
	l.Release()
	op, err := above.LXD().UpdateInstanceState(name, api.InstanceStatePut{Action: "stop", Force: true}, "")
	_, err = lxdop.Await(ctx, above.LXD(), op, err)
	return s.wrap(name, "stop", err)
}

// Start starts a stopped sibling. The error is a *harness.LevelError if LXD refuses.
func (s *Siblings) Start(ctx context.Context, name string) (*harness.Level, error) {
	if err := s.known(ctx, name); err != nil {
		return nil, err
	}
	l := s.level(siblingName(name))
	planned, stop := s.model.Start(name)
	return s.take(ctx, name, l, planned, stop,
		operation{idmap.OpStart, func() error { return l.Start(ctx) }},
		operation{idmap.OpReady, func() error { return l.Reach(ctx) }},
	)
}

// RestartChain kills and starts the chain's own level among the siblings, and waits until the
// levels inside run again. If LXD refuses, the error is a *harness.LevelError, and the chain then
// ends at the level above.
func (s *Siblings) RestartChain(ctx context.Context) error {
	depth := len(s.chain.Levels)
	l, err := s.chain.Level(s.Level)
	if err != nil {
		return err
	}
	if err := s.ready(ctx); err != nil {
		return err
	}
	planned, stop := s.model.Start(l.Name)
	if err := s.halt(ctx, l); err != nil {
		return err
	}
	l = s.level(l.Name)
	_, err = s.take(ctx, l.Name, l, planned, stop,
		operation{idmap.OpStart, func() error { return l.Start(ctx) }},
		operation{idmap.OpReady, func() error { return l.Connect(ctx) }},
	)
	delete(s.up, l.Name) // the chain has it
	l.Release()
	if err != nil {
		return errors.Join(err, s.chain.Reattach(ctx, s.Level-1))
	}
	s.chain.Plan = s.chain.Plan.With(planned)
	return s.chain.Reattach(ctx, depth)
}

// Configure changes keys of a sibling's configuration. The error is a *harness.LevelError if LXD
// refuses.
func (s *Siblings) Configure(ctx context.Context, name string, change map[string]string) error {
	if err := s.known(ctx, name); err != nil {
		return err
	}
	l := s.level(siblingName(name))
	stop := s.model.Configure(name, change)
	_, err := s.take(ctx, name, l, idmap.PlannedLevel{}, stop, operation{idmap.OpConfigure, func() error {
		return harness.Configure(ctx, l, change)
	}})
	return err
}

// Remove stops and deletes a sibling.
func (s *Siblings) Remove(ctx context.Context, name string) error {
	if l := s.up[name]; l != nil {
		delete(s.up, name)
		l.Release()
	}
	s.model.Delete(name)
	s.names = slices.DeleteFunc(s.names, func(n string) bool { return n == name })
	return s.wrap(name, "delete", lxdop.Remove(ctx, s.above().LXD(), siblingName(name)))
}

// RestartLXD restarts the LXD that made the siblings. It then reads its subid files again.
func (s *Siblings) RestartLXD(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.chain.RestartLXD(ctx, s.Level-1); err != nil {
		return err
	}
	s.model.RestartDaemon()
	return nil
}

// Replaced updates the model after the LXD at a level was replaced, if that LXD made the siblings.
func (s *Siblings) Replaced(ctx context.Context, level int) error {
	if level != s.Level-1 {
		return nil
	}
	d := s.chain.Spec.PlanDaemon(s.chain.Host.Traits(), s.Level-1)
	var err error
	if d.Delegation, err = harness.ReadDelegation(ctx, s.above().Root()); err != nil {
		return err
	}
	s.model.ReplaceDaemon(d, harness.LayoutOf(s.chain.Host.Traits()).Remaps)
	return nil
}

// known is like ready, but fails unless the sibling was created.
func (s *Siblings) known(ctx context.Context, name string) error {
	if !slices.Contains(s.names, name) {
		return fmt.Errorf("level %d: sibling %s: not created; created are %q", s.Level, name, s.names)
	}
	return s.ready(ctx)
}
