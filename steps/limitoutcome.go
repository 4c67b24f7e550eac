package steps

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"nestbed/harness"
	"nestbed/harness/act/limit"
)

// limitOutcomeSteps check how the kernel enforced the limits of limitSteps.
var limitOutcomeSteps = []step{
	{
		Then, `^the out-of-memory killer has killed that process of level (?P<wanted>\d+) and no other process$`,
		"Checks the exit status of the process and the counters in the memory cgroups of the host and of every level.",
		func(s *scenario) any { return s.killed }, shares,
	},
	{
		Then, `^the kernel refuses to start more processes$`,
		"The process that starts them gets EAGAIN (Resource temporarily unavailable).",
		func(s *scenario) any { return s.noMoreProcesses }, shares,
	},
	{
		Then, `^the kernel has throttled level (?P<wanted>\d+) by its own limit, and no other level$`,
		"Checks the counters in the cpu cgroup of every level.",
		func(s *scenario) any { return s.heldBack }, shares,
	},
	{
		Then, `^level (\d+) has one processor, the same as level (\d+)$`,
		"Compares the processors that a process of the first level may use with the cpuset of the second.",
		func(s *scenario) any { return s.oneProcessor }, shares,
	},
	{
		Then, `^every level has the cgroup controllers "([^"]*)"$`,
		"These cgroup v2 controllers are available in every level, read in the level. It may have others.",
		func(s *scenario) any { return s.controllers }, shares,
	},
	{
		Then, `^LXD refuses the change on cgroup v1 and accepts it on cgroup v2$`,
		"The kernel decides. After a refusal the configuration is unchanged.",
		func(s *scenario) any { return s.changeByLayout }, shares,
	},
	{
		Then, `^level (\d+) keeps its processors on cgroup v1 and has one left on cgroup v2$`,
		"On cgroup v1 LXD cannot redistribute the processors. It returns no error for that, but must log it.",
		func(s *scenario) any { return s.processorsByLayout }, shares,
	},
	{
		Then, `^the kernel throttles level (\d+) above (\d+) bytes of memory$`,
		"Checks memory.high of the level's cgroup, which exists only on v2.",
		func(s *scenario) any { return s.throttled }, shares,
	},
	{
		Then, `^the memory limit of level (\d+) is half of the machine's memory$`,
		"Compares the limit of the level's cgroup with the machine's memory. LXD may have read a kB as 1000 bytes.",
		func(s *scenario) any { return s.halfOfTheMachine }, shares,
	},
}

// ended returns the attempt, and an error unless it ended with errno; "" means that it succeeded.
func (s *scenario) ended(errno string) (tried, error) {
	did, err := s.tried()
	if err != nil {
		return did, err
	}
	if got := did.attempt; s.wanted(errno) != any(got.Errno) {
		return did, mismatchf("%s: %s: wanted %q, got %s", did.who, did.operation.Name, errno, got)
	}
	return did, nil
}

func (s *scenario) killed(level int) error {
	did, err := s.ended("Killed")
	if err != nil {
		return err
	}
	now, err := limit.OutOfMemoryKills(s.chain)
	if err != nil {
		return err
	}
	for i, n := range now {
		wanted := did.kills[i]
		if i == level {
			wanted++
		}
		if err := s.equal(fmt.Sprintf("level %d: processes killed by the out-of-memory killer", i), wanted, n); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) noMoreProcesses() error {
	_, err := s.ended("Resource temporarily unavailable")
	return err
}

func (s *scenario) heldBack(level int) error {
	did, err := s.ended("")
	if err != nil {
		return err
	}
	now, err := limit.HeldPeriods(s.chain)
	if err != nil {
		return err
	}
	for i, n := range now {
		what := fmt.Sprintf("level %d: throttled (%d periods before, %d after)", i, did.held[i], n)
		if err := s.equal(what, i == level, n > did.held[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) oneProcessor(ctx context.Context, level, limited int) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	l, err := chain.Level(level)
	if err != nil {
		return err
	}
	of, err := harness.CgroupOf(chain, limited, "cpuset")
	if err != nil {
		return err
	}
	return s.hold(limit.OneProcessor(ctx, l, of))
}

func (s *scenario) configured() (configured, error) {
	return resultOf[configured](s, "changed a configuration")
}

func (s *scenario) changeByLayout(ctx context.Context) error {
	c, err := s.configured()
	if err != nil {
		return err
	}
	g, err := harness.CgroupOf(s.chain, c.level, "cpu")
	if err != nil {
		return err
	}
	what := fmt.Sprintf("level %d: LXD, which said %v, was refused the change by the kernel", c.level, c.answer)
	refused := limit.CgroupRefused(c.answer)
	if err := s.equal(what, !g.Unified(), refused); err != nil || !refused {
		return errors.Join(err, c.answer)
	}
	now, err := limit.Configuration(ctx, s.chain, c.level)
	if err != nil {
		return err
	}
	for key := range c.config {
		if err := s.equal(fmt.Sprintf("level %d: %s after a change that was refused", c.level, key), c.before[key], now[key]); err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) processorsByLayout(ctx context.Context, level int) error {
	c, err := s.configured()
	if err != nil {
		return err
	}
	if c.answer != nil {
		return c.answer
	}
	return s.hold(limit.ProcessorsDivided(ctx, s.chain, c.level, level))
}

// memoryOf returns the memory cgroup of a level.
func (s *scenario) memoryOf(ctx context.Context, level int) (harness.Cgroup, error) {
	chain, err := s.look(ctx)
	if err != nil {
		return harness.Cgroup{}, err
	}
	return harness.CgroupOf(chain, level, "memory")
}

func (s *scenario) halfOfTheMachine(ctx context.Context, level int) error {
	g, err := s.memoryOf(ctx, level)
	if err != nil {
		return err
	}
	got, err := g.MemoryLimit()
	if err != nil {
		return err
	}
	all, err := limit.MachineMemory()
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: the limit on its memory, %d, is half of the machine's %d", level, got, all), true, limit.HalfOf(got, all))
}

func (s *scenario) throttled(ctx context.Context, level int, from int64) error {
	g, err := s.memoryOf(ctx, level)
	if err != nil {
		return err
	}
	got, err := g.MemoryHigh()
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: memory.high", level), from, got)
}

func (s *scenario) controllers(ctx context.Context, wanted string) error {
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	for _, l := range chain.Levels {
		has, err := limit.Controllers(ctx, l)
		if err != nil {
			return err
		}
		for name := range strings.SplitSeq(wanted, ", ") {
			if !slices.Contains(has, name) {
				return mismatchf("level %d: cgroup controllers: read %q, expected %s among them", l.Index, has, name)
			}
		}
	}
	return nil
}
