package steps

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"nestbed/harness"
	"nestbed/harness/act/life"
)

// againSteps check what is left of levels after something happened to them.
var againSteps = []step{
	{
		Then, `^all (\d+) levels come up again$`,
		"Waits until the LXDs have started the levels by themselves and answer. The maps must be as planned.",
		func(s *scenario) any { return s.comeUpAgain }, shares,
	},
	{
		Then, `^level (\d+) stays down$`,
		"The LXD above has started everything that it starts by itself, and reports this level as Stopped.",
		func(s *scenario) any { return s.staysDown }, shares,
	},
	{
		Then, `^level (\d+) has kept running$`,
		"The level's init is the same process as before the When step.",
		func(s *scenario) any { return s.sameInit }, shares,
	},
	{
		Then, `^(every level|level \d+) has a new init process$`,
		"The init is a different process than before the When step: the level was restarted.",
		func(s *scenario) any { return s.otherInits }, shares,
	},
	{
		Then, `^nothing of level (\d+) is left on the host$`,
		"No process has the level's host ids, which include those of the levels inside, and no cgroup has its name. Both existed before the When step.",
		func(s *scenario) any { return s.withoutTraces }, shares,
	},
	{
		Then, `^the LXD of (the host|level \d+) has no record and no files of level (\d+)$`,
		"Looks for the level's original name.",
		func(s *scenario) any { return s.unknown }, shares,
	},
}

func (s *scenario) comeUpAgain(ctx context.Context, depth int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.reattach(ctx, len(chain.Plan.Levels)); err != nil {
		return err
	}
	if err := s.equal("levels that are up", depth, len(chain.Levels)); err != nil {
		return err
	}
	return s.verify(ctx, harness.Daemons)
}

func (s *scenario) staysDown(ctx context.Context, level int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.reattach(ctx, level-1); err != nil {
		return err
	}
	status, err := life.Status(ctx, chain, level)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: its state", level), "Stopped", status)
}

func (s *scenario) sameInit(ctx context.Context, level int) error {
	now, err := s.initOf(ctx, level)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: its init", level), s.inits[level-1], now)
}

func (s *scenario) otherInits(ctx context.Context, which string) error {
	first, last := 1, len(s.inits)
	if which != "every level" {
		level, err := strconv.Atoi(strings.TrimPrefix(which, "level "))
		if err != nil {
			return err
		}
		first, last = level, level
	}
	for level := first; level <= last; level++ {
		now, err := s.initOf(ctx, level)
		if err != nil {
			return err
		}
		what := fmt.Sprintf("level %d: its init, %s and now %s, is another process", level, s.inits[level-1], now)
		if err := s.equal(what, true, now != s.inits[level-1]); err != nil {
			return err
		}
	}
	return nil
}

// initOf returns the identity of a level's current init process. It fails if no When step has
// recorded an earlier one.
func (s *scenario) initOf(ctx context.Context, level int) (string, error) {
	if level < 1 || level > len(s.inits) {
		return "", fmt.Errorf("level %d: no When step has recorded its init", level)
	}
	if err := s.reattach(ctx, level); err != nil {
		return "", err
	}
	return s.chain.Levels[level-1].Init(ctx)
}

func (s *scenario) withoutTraces(ctx context.Context, level int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	left, err := life.TracesLeft(ctx, chain, level)
	if err != nil {
		return err
	}
	return errors.Join(
		s.equal(fmt.Sprintf("level %d: processes of it on the host", level), []string(nil), left.Processes),
		s.equal(fmt.Sprintf("level %d: cgroups of it on the host", level), []string(nil), left.Cgroups),
	)
}

func (s *scenario) unknown(ctx context.Context, where string, level int) error {
	above, err := place(where)
	if err != nil {
		return err
	}
	if above != level-1 {
		return fmt.Errorf("the LXD of level %d did not make level %d", above, level)
	}
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	record, files, err := life.Known(ctx, chain, level)
	if err != nil {
		return err
	}
	return errors.Join(
		s.equal(fmt.Sprintf("level %d: the LXD above has a record of it", level), false, record),
		s.equal(fmt.Sprintf("level %d: the LXD above has files of it", level), false, files),
	)
}
