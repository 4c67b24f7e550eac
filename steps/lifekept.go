package steps

import (
	"context"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/act/life"
)

var mementoSteps = []step{
	{
		Given, `^user (\d+) of level (\d+) has made the file "([^"]*)"$`,
		"With its name in it; the user's id is also the group's.",
		func(s *scenario) any { return s.leave }, changes,
	},
	{
		Given, `^a program at level (\d+) leaves word when it is asked to end$`,
		"It makes a file when SIGTERM comes; it runs before the next step.",
		func(s *scenario) any { return s.leaveWord }, changes,
	},
	{
		Given, `^a clock ticks on the host and at every level$`,
		"Programs that count about a hundred times a second.",
		func(s *scenario) any { return s.startClocks }, changes,
	},
	{
		Then, `^level (\d+) has the file "([^"]*)" of user (\d+)$`,
		"With what was in it, and under the ids that the user was planned to have on the host.",
		func(s *scenario) any { return s.hasFile }, shares,
	},
	{
		Then, `^level (\d+) does not have the file "(?P<name>[^"]*)"$`,
		"There is no such file.",
		func(s *scenario) any { return s.lacksFile }, shares,
	},
	{
		Then, `^the program at level (\d+) (was|was not) asked to end$`,
		"Whether the file is there that it makes when SIGTERM comes.",
		func(s *scenario) any { return s.wasAsked }, shares,
	},
	{
		Then, `^the clocks from level (?P<wanted>\d+) down stand still and those above go on$`,
		"That of the host is one of those above; by theirs it is seen how long the others stand.",
		func(s *scenario) any { return s.clocksStand }, shares,
	},
	{
		Then, `^the clocks of all (\d+) levels go on$`,
		"They are programs that have not ended.",
		func(s *scenario) any { return s.clocksGo }, shares,
	},
}

func (s *scenario) leave(ctx context.Context, user uint32, level int, name string) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	return life.Leave(ctx, l, user, name)
}

func (s *scenario) leaveWord(ctx context.Context, level int) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	return life.LeaveWord(ctx, l)
}

func (s *scenario) startClocks(ctx context.Context) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	return life.StartClocks(ctx, chain)
}

func (s *scenario) hasFile(ctx context.Context, level int, name string, user uint32) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	return s.hold(life.CheckLeft(ctx, l, s.chain.Plan.Levels[level-1], user, name))
}

func (s *scenario) lacksFile(ctx context.Context, level int, name string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	has, err := life.Left(ctx, l, name)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: the file %q is there", level, name), false, has)
}

func (s *scenario) wasAsked(ctx context.Context, level int, wanted string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	asked, err := life.WasAsked(ctx, l)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: the program was asked to end", level), wanted == "was", asked)
}

func (s *scenario) clocksStand(ctx context.Context, level int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	return s.clocks(ctx, chain, level)
}

func (s *scenario) clocksGo(ctx context.Context, depth int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	if err := s.equal("levels that are up", depth, len(chain.Levels)); err != nil {
		return err
	}
	return s.clocks(ctx, chain, depth+1)
}

// clocks checks that exactly the clocks above the level keep ticking. Level 0 is the host.
func (s *scenario) clocks(ctx context.Context, chain *harness.Chain, level int) error {
	goes, err := life.Clocks(ctx, chain, level)
	if err != nil {
		return err
	}
	for i, got := range goes {
		if err := s.equal(fmt.Sprintf("level %d: its clock goes on", i), i < level, got); err != nil {
			return err
		}
	}
	return nil
}
