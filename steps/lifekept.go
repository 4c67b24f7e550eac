package steps

import (
	"context"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/act/life"
)

var keptSteps = []step{
	{
		Given, `^user (\d+) of level (\d+) has made the file "([^"]*)"$`,
		"The user, with the group of the same id, makes a file that contains its own name.",
		func(s *scenario) any { return s.makeFile }, changes,
	},
	{
		Given, `^a program at level (\d+) records whether it receives SIGTERM$`,
		"Starts a program that makes a file when it receives SIGTERM.",
		func(s *scenario) any { return s.recordSIGTERM }, changes,
	},
	{
		Given, `^a clock ticks on the host and at every level$`,
		"Starts programs that count about a hundred times a second.",
		func(s *scenario) any { return s.startClocks }, changes,
	},
	{
		Then, `^level (\d+) has the file "([^"]*)" of user (\d+)$`,
		"The file has its content and belongs to the user's planned host ids.",
		func(s *scenario) any { return s.hasFile }, shares,
	},
	{
		Then, `^level (\d+) does not have the file "(?P<name>[^"]*)"$`,
		"The file does not exist.",
		func(s *scenario) any { return s.hasNoFile }, shares,
	},
	{
		Then, `^the program at level (\d+) (received|did not receive) SIGTERM$`,
		"Checks whether the file exists that the program makes when it receives SIGTERM.",
		func(s *scenario) any { return s.receivedSIGTERM }, shares,
	},
	{
		Then, `^the clocks from level (?P<wanted>\d+) down have stopped and those above keep ticking$`,
		"Compares all clocks after those above, which include the host's, have ticked a few times.",
		func(s *scenario) any { return s.clocksStand }, shares,
	},
	{
		Then, `^the clocks of all (\d+) levels keep ticking$`,
		"The clocks are the same programs, which have not ended.",
		func(s *scenario) any { return s.clocksGo }, shares,
	},
}

func (s *scenario) makeFile(ctx context.Context, user uint32, level int, name string) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	return life.MakeFile(ctx, l, user, name)
}

func (s *scenario) recordSIGTERM(ctx context.Context, level int) error {
	l, err := s.ownLevel(ctx, level)
	if err != nil {
		return err
	}
	return life.RecordSIGTERM(ctx, l)
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
	return s.hold(life.CheckFile(ctx, l, s.chain.Plan.Levels[level-1], user, name))
}

func (s *scenario) hasNoFile(ctx context.Context, level int, name string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	has, err := life.HasFile(ctx, l, name)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: the file %q is there", level, name), false, has)
}

func (s *scenario) receivedSIGTERM(ctx context.Context, level int, wanted string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	received, err := life.ReceivedSIGTERM(ctx, l)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: the program received SIGTERM", level), wanted == "received", received)
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
		if err := s.equal(fmt.Sprintf("level %d: its clock keeps ticking", i), i < level, got); err != nil {
			return err
		}
	}
	return nil
}
