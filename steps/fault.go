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
		Given, `^the LXD of level (\d+) is killed during operation "([^"]*)" for the level below$`,
		"Kills the LXD by SIGKILL as soon as the operation is in progress. It is started again. Level 0 is the host.",
		func(s *scenario) any { return s.breaksLXD(fault.LXDKilled) }, sharesWhole,
	},
	{
		Given, `^the LXD of level (\d+) stops responding before operation "([^"]*)" for the level below$`,
		"Stops the LXD by SIGSTOP before the operation is requested.",
		func(s *scenario) any { return s.breaksLXD(fault.LXDStopped) }, shares,
	},
	{
		Given, `^the LXD of level (\d+) loses half of its database before operation "([^"]*)" for the level below$`,
		"Truncates the database and kills the LXD. Its next start finds the truncated database.",
		func(s *scenario) any { return s.breaksLXD(fault.DatabaseCut) }, shares,
	},
	{
		Given, `^the host's disk fills up before operation "([^"]*)" of level (\d+)$`,
		"Fills the host's own disk, which holds the state of all LXDs. The machine's disk is not affected.",
		func(s *scenario) any { return s.diskFills }, sharesWhole,
	},
	{
		Given, `^the program (\S+) is missing at level (\d+)$`,
		"Removes the program from the level's files before the level starts.",
		func(s *scenario) any { return s.breaksProgram(fault.ProgramMissing) }, sharesWhole,
	},
	{
		Given, `^the program (\S+) is truncated to half at level (\d+)$`,
		"Truncates the program in the level's files before the level starts.",
		func(s *scenario) any { return s.breaksProgram(fault.ProgramCut) }, sharesWhole,
	},
	{
		Given, `^level (\d+) has (\d+) MB of memory, which is too little for its LXD$`,
		"Sets limits.memory before the level first starts.",
		func(s *scenario) any { return s.hasTooLittleMemory }, shares,
	},
	{
		Given, `^every wait is limited to a tenth of its normal time$`,
		"Multiplies the time limits of all waits by 0.1.",
		func(s *scenario) any { return func() { s.patience = 0.1 } }, shares,
	},
	{
		When, `^the build is resumed at the level where it stopped$`,
		"Waits until the LXD above runs again, deletes what it has of the level, and builds the rest of the chain.",
		func(s *scenario) any { return s.resume }, changes,
	},
}

// diskSize is the size of the host's own disk that is filled: room for three levels.
const diskSize = 600 << 20

// breaksLXD returns a step that injects a fault into the LXD that makes the level below.
func (s *scenario) breaksLXD(kind fault.Kind) func(int, string) error {
	return func(level int, operation string) error {
		op, err := idmap.ParseOp(operation)
		if err != nil {
			return err
		}
		return s.fault(fault.Fault{Level: level + 1, Op: op, Kind: kind})
	}
}

// breaksProgram returns a step that injects a fault into a program in a level's files.
func (s *scenario) breaksProgram(kind fault.Kind) func(string, int) error {
	return func(program string, level int) error {
		return s.fault(fault.Fault{Level: level, Op: idmap.OpStart, Kind: kind, Program: program})
	}
}

func (s *scenario) hasTooLittleMemory(level, megabytes string) error {
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
		return fmt.Errorf("level %d: not made by an LXD, so no fault can be injected", f.Level)
	}
	s.broken = true
	s.hooks = append(s.hooks, f.Hook())
	return nil
}

// resume builds the chain of the Given until it stops, then resumes the build. The whole chain
// must be as planned.
func (s *scenario) resume(ctx context.Context) error {
	if err := s.build(ctx); err != nil {
		return err
	}
	if s.chain.Stop == nil {
		return errors.New("resume: the build did not stop; use a fault that stops it")
	}
	err := s.chain.Resume(ctx)
	var stopped *harness.LevelError
	if err != nil && !errors.As(err, &stopped) {
		return err
	}
	s.broken = false
	return s.compare(ctx)
}
