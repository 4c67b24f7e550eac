package steps

import (
	"context"
	"errors"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/act/fault"
	"nestbed/harness/idmap"
)

var faultSteps = []step{
	{
		Given, `^the LXD of level (\d+) is killed in the middle of the operation "([^"]*)" for the level below$`,
		"By SIGKILL, as soon as the operation has left a sign; level 0 is the host. Another LXD is started in its place.",
		func(s *scenario) any { return s.breaks(fault.LXDKilled) }, shares,
	},
	{
		Given, `^the LXD of level (\d+) stands still from the operation "([^"]*)" for the level below on$`,
		"Stopped by SIGSTOP before it is asked for the operation.",
		func(s *scenario) any { return s.breaks(fault.LXDStopped) }, shares,
	},
	{
		Given, `^half of the database of level (\d+)'s LXD is lost before the operation "([^"]*)" for the level below$`,
		"That LXD is killed with it, and the one that is started in its place finds what is left.",
		func(s *scenario) any { return s.breaks(fault.DatabaseCut) }, shares,
	},
	{
		Given, `^the host's disk is full from the operation "([^"]*)" of level (\d+) on$`,
		"A disk of its own, on which the state of all LXDs lies; the machine's is not filled.",
		func(s *scenario) any { return s.diskFills }, shares,
	},
	{
		Given, `^the program (\S+) is missing at level (\d+)$`,
		"Removed from the files of the level before it starts.",
		func(s *scenario) any { return s.spoils(fault.ProgramMissing) }, shares,
	},
	{
		Given, `^half of the program (\S+) is lost at level (\d+)$`,
		"Cut off in the files of the level before it starts.",
		func(s *scenario) any { return s.spoils(fault.ProgramCut) }, shares,
	},
	{
		Given, `^level (\d+) has (\d+) MB of memory, which is too little for its LXD$`,
		"By limits.memory, from its first start on.",
		func(s *scenario) any { return s.lacksMemory }, shares,
	},
	{
		Given, `^nothing is waited for longer than a tenth of its time$`,
		"The budgets of all waits are a tenth of what they are else.",
		func(s *scenario) any { return func() { s.patience = 0.1 } }, shares,
	},
	{
		When, `^the level that the build stopped at is made again$`,
		"Once the LXD that was to make it runs again: what that has of it is deleted, and the build goes on to the end.",
		func(s *scenario) any { return s.resume }, changes,
	},
}

// diskSize is the size of the host's own disk that is filled: room for three levels.
const diskSize = 600 << 20

// breaks returns a step that injects a fault into the LXD that makes the level below.
func (s *scenario) breaks(kind fault.Kind) func(int, string) error {
	return func(level int, operation string) error {
		op, err := idmap.ParseOp(operation)
		if err != nil {
			return err
		}
		return s.fault(fault.Fault{Level: level + 1, Op: op, Kind: kind})
	}
}

// spoils returns a step that injects a fault into a program in a level's files.
func (s *scenario) spoils(kind fault.Kind) func(string, int) error {
	return func(program string, level int) error {
		return s.fault(fault.Fault{Level: level, Op: idmap.OpStart, Kind: kind, Program: program})
	}
}

func (s *scenario) lacksMemory(level, megabytes string) error {
	l, err := s.describe(level)
	if err != nil {
		return err
	}
	l.Config["limits.memory"] = megabytes + "MB"
	s.broken = true
	return nil
}

func (s *scenario) diskFills(operation string, level int) error {
	op, err := idmap.ParseOp(operation)
	if err != nil {
		return err
	}
	s.disk = diskSize
	return s.fault(fault.Fault{Level: level, Op: op, Kind: fault.DiskFull})
}

func (s *scenario) fault(f fault.Fault) error {
	if f.Level < 1 {
		return fmt.Errorf("level %d: no LXD makes it", f.Level)
	}
	s.broken = true
	s.faults = append(s.faults, f.Hook())
	return nil
}

// resume builds the chain of the Given until it stops, then resumes the build. The whole chain
// must be as planned.
func (s *scenario) resume(ctx context.Context) error {
	if err := s.build(ctx); err != nil {
		return err
	}
	if s.chain.Stop == nil {
		return errors.New("the build did not stop: nothing was broken")
	}
	err := s.chain.Resume(ctx)
	var stopped *harness.LevelError
	if err != nil && !errors.As(err, &stopped) {
		return err
	}
	s.broken = false
	return s.compare(ctx)
}
