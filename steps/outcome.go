package steps

import (
	"context"
	"errors"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

var outcomeSteps = []step{
	{
		Then, `^all (\d+) levels are up$`,
		"Exactly so many levels run, and the LXD inside each answers.",
		func(s *scenario) any { return s.allUp }, shares,
	},
	{
		Then, `^the build stops at level (?P<wanted>\d+) in operation "([^"]*)" for the reason "([^"]*)"$`,
		"The level cannot be made. The operation is storage, import, create, start or ready; the reason is one of nestbed's reasons.",
		func(s *scenario) any { return s.stops }, shares,
	},
	{
		Then, `^the build stops at the first level that the kernel has no room for$`,
		"The build stops in operation start at the kernel's depth limit. nestbed finds the limit by nesting pid namespaces.",
		func(s *scenario) any { return s.stopsAtTheKernelsLimit }, shares,
	},
	{
		Then, `^the levels above it are still up$`,
		"The LXD of every level above the stop answers.",
		func(s *scenario) any { return s.levelsAboveAreUp }, shares,
	},
}

func (s *scenario) allUp(ctx context.Context, depth int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	if chain.Stop != nil {
		return mismatchf("wanted %d levels up, got %d: %w", depth, len(chain.Levels), chain.Stop)
	}
	if err := s.equal("levels that are up", depth, len(chain.Levels)); err != nil {
		return err
	}
	return s.verify(ctx, harness.Daemons)
}

func (s *scenario) stops(level int, operation, reason string) error {
	op, err := idmap.ParseOp(operation)
	if err != nil {
		return err
	}
	why, err := idmap.ParseReason(reason)
	if err != nil {
		return err
	}
	wanted := idmap.Stop{Level: level, Op: op, Reason: why}
	if s.chain == nil {
		return errors.New("no When step has built a chain")
	}
	if s.chain.Stop == nil {
		return mismatchf("wanted a stop at %s, but all %d levels are up", &wanted, len(s.chain.Levels))
	}
	if got := s.chain.Stop.Stop; s.wanted(wanted) != any(got) {
		return mismatchf("wanted a stop at %s, got %w", &wanted, s.chain.Stop)
	}
	return nil
}

func (s *scenario) stopsAtTheKernelsLimit() error {
	if s.host == nil {
		return errors.New("no When step has built a chain")
	}
	return s.stops(s.host.Traits().Room+1, string(idmap.OpStart), string(idmap.DepthLimit))
}

// levelsAboveAreUp checks that all levels above the stop are up and that their LXDs answer.
func (s *scenario) levelsAboveAreUp(ctx context.Context) error {
	if s.chain == nil || s.chain.Stop == nil {
		return errors.New("no When step has built a chain that stopped")
	}
	if err := s.equal("levels that are up", s.chain.Stop.Level-1, len(s.chain.Levels)); err != nil {
		return err
	}
	return s.verify(ctx, harness.Daemons)
}

// verify checks the subjects at all levels.
func (s *scenario) verify(ctx context.Context, subjects ...harness.Subject) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	return s.hold(probe.Verify(ctx, chain, subjects...))
}
