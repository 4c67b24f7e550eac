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
		Then, `^the kernel has killed that process of level (?P<wanted>\d+) for want of memory, and none elsewhere$`,
		"By what it told its parent, and by the counters of the memory cgroups of the host and of every level.",
		func(s *scenario) any { return s.killed }, shares,
	},
	{
		Then, `^the kernel starts no more of them$`,
		"The process that starts them is told that there are no resources for another one just now.",
		func(s *scenario) any { return s.noMoreProcesses }, shares,
	},
	{
		Then, `^the kernel has held back level (?P<wanted>\d+) for a limit of its own, and no other level$`,
		"By the counters of the processor cgroups of every level.",
		func(s *scenario) any { return s.heldBack }, shares,
	},
	{
		Then, `^level (\d+) has one processor, and it is that of level (\d+)$`,
		"By the processors that the kernel lets a process of it use, and by the cgroup of the other.",
		func(s *scenario) any { return s.oneProcessor }, shares,
	},
	{
		Then, `^every level has the cgroup controllers "([^"]*)"$`,
		"Those of cgroup v2 that it may limit what is inside it with, by what it reads itself; it may have others.",
		func(s *scenario) any { return s.controllers }, shares,
	},
	{
		Then, `^LXD refuses the change where cgroups are v1, and takes it where they are v2$`,
		"As the kernel does; where it is refused, the configuration stays what it was.",
		func(s *scenario) any { return s.changeByLayout }, shares,
	},
	{
		Then, `^level (\d+) keeps its processors where cgroups are v1, and has one left where they are v2$`,
		"LXD has nobody to tell that it could not divide them anew, except its log, which must say so.",
		func(s *scenario) any { return s.processorsByLayout }, shares,
	},
	{
		Then, `^the kernel throttles level (\d+) from (\d+) bytes of memory on$`,
		"By memory.high of its cgroup, which is of v2.",
		func(s *scenario) any { return s.throttled }, shares,
	},
	{
		Then, `^the limit on the memory of level (\d+) is half of the memory of the machine$`,
		"What the kernel holds the level to, against what it says that there is; a kB of that may have been taken for 1000 bytes.",
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
		return did, unlike("%s: %s: wanted %q, got %s", did.who, did.deed.Name, errno, got)
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
		if err := s.equal(fmt.Sprintf("level %d: processes killed for want of memory", i), wanted, n); err != nil {
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
		what := fmt.Sprintf("level %d: held back, with %d periods before and %d after", i, did.held[i], n)
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
	return deed[configured](s, "changed a configuration")
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
				return unlike("level %d: cgroup controllers: read %q, expected %s among them", l.Index, has, name)
			}
		}
	}
	return nil
}
