package steps

import (
	"context"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/act/life"
	"nestbed/harness/probe"
)

var copySteps = []step{
	{
		When, `^level 1 is copied and the copy is started$`,
		"The host's LXD copies the running level 1 with everything inside.",
		func(s *scenario) any { return s.copyChain }, changes,
	},
	{
		Then, `^all (\d+) levels of the copy come up$`,
		"The LXDs inside the copy start what ran when it was copied.",
		func(s *scenario) any { return s.copyComesUp }, shares,
	},
	{
		Then, `^every level of the copy has the planned ids$`,
		"Checks maps, processes and files. The plan gives an isolated copy its own ids, and any other copy those of its source.",
		func(s *scenario) any { return s.copyIDs }, shares,
	},
	{
		Then, `^root at level (\d+) of the copy is id (\d+) on the host$`,
		"Checks user and group by the idmaps that the kernel shows on the host.",
		func(s *scenario) any { return s.copyRootOnHost }, shares,
	},
	{
		Then, `^the copy has the file "([^"]*)" of user (\d+) of level (\d+)$`,
		"The same level of the copy has the file with its content. It belongs to the host ids of that user of the copy.",
		func(s *scenario) any { return s.copyHasFile }, shares,
	},
	{
		Then, `^a file made at level (\d+) of the copy does not appear at level (\d+)$`,
		"A user of the copy makes a file, and the level does not have it.",
		func(s *scenario) any { return s.copyIsApart }, shares,
	},
}

func (s *scenario) copyChain(ctx context.Context) error {
	chain, err := s.prepared(ctx)
	if err != nil {
		return err
	}
	twin, err := life.Copy(ctx, chain)
	s.did = copied{twin}
	return err
}

// copied is the result of copying a chain.
type copied struct{ twin *harness.Chain }

func (c copied) close(ctx context.Context) error { return c.twin.Close(ctx) }

// twin returns the copy of the chain.
func (s *scenario) twin() (*harness.Chain, error) {
	did, err := resultOf[copied](s, "copied level 1")
	return did.twin, err
}

// twinLevel returns the copy and one of its levels, which must be up.
func (s *scenario) twinLevel(index int) (*harness.Chain, *harness.Level, error) {
	twin, err := s.twin()
	if err != nil {
		return nil, nil, err
	}
	l, err := twin.Level(index)
	if err != nil {
		return nil, nil, fmt.Errorf("copy: %w", err)
	}
	return twin, l, nil
}

func (s *scenario) copyComesUp(ctx context.Context, depth int) error {
	twin, err := s.twin()
	if err != nil {
		return err
	}
	if err := twin.Reattach(ctx, len(twin.Plan.Levels)); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if err := s.equal("levels of the copy that are up", depth, len(twin.Levels)); err != nil {
		return err
	}
	outcome, err := twin.Outcome(ctx)
	if err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	if err := harness.Contradiction(twin.Plan, outcome); err != nil {
		return mismatchf("copy: %w", err)
	}
	return nil
}

func (s *scenario) copyIDs(ctx context.Context) error {
	twin, _, err := s.twinLevel(1)
	if err != nil {
		return err
	}
	if err := s.hold(probe.Verify(ctx, twin, harness.IDMaps, harness.Processes, harness.Files)); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}

func (s *scenario) copyRootOnHost(ctx context.Context, level int, id uint32) error {
	_, l, err := s.twinLevel(level)
	if err != nil {
		return err
	}
	if err := s.rootIs(ctx, l, id); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}

func (s *scenario) copyHasFile(ctx context.Context, name string, user uint32, level int) error {
	twin, l, err := s.twinLevel(level)
	if err != nil {
		return err
	}
	if err := s.hold(life.CheckFile(ctx, l, twin.Plan.Levels[level-1], user, name)); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return nil
}

func (s *scenario) copyIsApart(ctx context.Context, level, same int) error {
	const name = "apart"
	twin, l, err := s.twinLevel(level)
	if err != nil {
		return err
	}
	if err := life.MakeFile(ctx, l, 1000, name); err != nil {
		return err
	}
	if err := s.hold(life.CheckFile(ctx, l, twin.Plan.Levels[level-1], 1000, name)); err != nil {
		return fmt.Errorf("copy: %w", err)
	}
	return s.hasNoFile(ctx, same, name)
}
