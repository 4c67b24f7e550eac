package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"nestbed/harness"
)

var limitSteps = []step{
	{
		Given, `^the configuration of level (\d+) was changed while it ran to$`,
		"By the LXD above it, with the whole chain running; an empty value takes a key away.",
		func(s *scenario) any { return s.wasChanged },
	},
	{
		When, `^the configuration of level (\d+) is changed to$`,
		"The same, where what LXD says to it is what the scenario is about.",
		func(s *scenario) any { return s.change },
	},
	{
		When, `^level (\d+) takes (\d+) MB of memory$`,
		"One process of it, which fills them with zeros and then ends.",
		func(s *scenario) any { return s.takeMemory },
	},
	{
		When, `^level (\d+) starts (\d+) processes$`,
		"One process starts them all, and ends them.",
		func(s *scenario) any { return s.startProcesses },
	},
	{
		When, `^level (\d+) computes without a break$`,
		"One process of it, for a second.",
		func(s *scenario) any { return s.compute },
	},
	{
		Then, `^the kernel has killed that process of level (\d+) for want of memory, and none elsewhere$`,
		"By what it told its parent, and by the counters of the memory cgroups of the host and of every level.",
		func(s *scenario) any { return s.killed },
	},
	{
		Then, `^the kernel starts no more of them$`,
		"The process that starts them is told that there are no resources for another one just now.",
		func(s *scenario) any { return s.noMoreProcesses },
	},
	{
		Then, `^the kernel has held back level (\d+) for a limit of its own, and no other level$`,
		"By the counters of the processor cgroups of every level.",
		func(s *scenario) any { return s.heldBack },
	},
	{
		Then, `^level (\d+) has one processor, and it is that of level (\d+)$`,
		"By the processors that the kernel lets a process of it use, and by the cgroup of the other.",
		func(s *scenario) any { return s.oneProcessor },
	},
	{
		Then, `^LXD refuses the change where cgroups are v1, and takes it where they are v2$`,
		"As the kernel does; where it is refused, the configuration stays what it was.",
		func(s *scenario) any { return s.changeByLayout },
	},
	{
		Then, `^level (\d+) keeps its processors where cgroups are v1, and has one left where they are v2$`,
		"LXD has nobody to tell that it could not divide them anew, except its log, which must say so.",
		func(s *scenario) any { return s.processorsByLayout },
	},
	{
		Then, `^the limit on the memory of level (\d+) is half of the memory of the machine$`,
		"What the kernel holds the level to, against what it says that there is; a kB of that may have been taken for 1000 bytes.",
		func(s *scenario) any { return s.halfOfTheMachine },
	},
}

// change is of the configuration of a level that runs.
type change struct {
	level  int
	config map[string]string
}

func readChange(level int, table *godog.Table) (change, error) {
	rows, err := readTable(table, "key", "value")
	c := change{level: level, config: map[string]string{}}
	for _, row := range rows {
		c.config[row["key"]] = row["value"]
	}
	return c, err
}

func configure(ctx context.Context, chain *harness.Chain, c change) error {
	l, err := chain.Level(c.level)
	if err != nil {
		return err
	}
	return l.Configure(ctx, c.config)
}

func (s *scenario) wasChanged(level int, table *godog.Table) error {
	c, err := readChange(level, table)
	s.changes = append(s.changes, c)
	return err
}

// changed gives the chain with the changes of the Givens, and counts what the kernel
// has done to it so far. It is the scenario's own if the Givens, or the caller, change it.
func (s *scenario) changed(ctx context.Context, changes bool) (*harness.Chain, error) {
	take := s.own
	if len(s.changes) == 0 && !changes {
		take = s.look
	}
	chain, err := take(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range s.changes {
		if err := configure(ctx, chain, c); err != nil {
			return nil, err
		}
	}
	s.changes = nil
	if s.inits, err = s.initsNow(); err != nil {
		return nil, err
	}
	if s.kills, err = chain.OutOfMemoryKills(); err != nil {
		return nil, err
	}
	s.held, err = chain.HeldPeriods()
	return chain, err
}

// use has a level use what its limits are on.
func (s *scenario) use(ctx context.Context, level int, what string, use func(*harness.Level) (harness.Attempt, error)) error {
	chain, err := s.changed(ctx, false)
	if err != nil {
		return err
	}
	l, err := chain.Level(level)
	if err != nil {
		return err
	}
	a, err := use(l)
	s.tried = &tried{who: fmt.Sprint("level ", level), attempt: a, deed: harness.Deed{Name: what}}
	return err
}

func (s *scenario) takeMemory(ctx context.Context, level, megabytes int) error {
	return s.use(ctx, level, fmt.Sprint("take memory, MB: ", megabytes), func(l *harness.Level) (harness.Attempt, error) {
		return l.TakeMemory(ctx, megabytes)
	})
}

func (s *scenario) startProcesses(ctx context.Context, level, count int) error {
	return s.use(ctx, level, fmt.Sprint("start processes: ", count), func(l *harness.Level) (harness.Attempt, error) {
		return l.StartProcesses(ctx, count)
	})
}

func (s *scenario) compute(ctx context.Context, level int) error {
	return s.use(ctx, level, "compute", func(l *harness.Level) (harness.Attempt, error) { return l.Compute(ctx) })
}

// ended fails unless the attempt ended so.
func (s *scenario) ended(errno string) error {
	if s.tried == nil {
		return errNothingTried
	}
	if got := s.tried.attempt; got.Errno != errno {
		return fmt.Errorf("%s: %s: wanted %q, got %s", s.tried.who, s.tried.deed.Name, errno, got)
	}
	return nil
}

func (s *scenario) killed(level int) error {
	if err := s.ended("Killed"); err != nil {
		return err
	}
	now, err := s.chain.OutOfMemoryKills()
	if err != nil {
		return err
	}
	for i, n := range now {
		wanted := s.kills[i]
		if i == level {
			wanted++
		}
		if n != wanted {
			return fmt.Errorf("level %d: processes killed for want of memory: wanted %d, got %d", i, wanted, n)
		}
	}
	return nil
}

func (s *scenario) noMoreProcesses() error { return s.ended("Resource temporarily unavailable") }

func (s *scenario) heldBack(level int) error {
	if err := s.ended(""); err != nil {
		return err
	}
	now, err := s.chain.HeldPeriods()
	if err != nil {
		return err
	}
	for i, n := range now {
		if held := n > s.held[i]; held != (i == level) {
			return fmt.Errorf("level %d: held back: wanted %t, got %d periods before and %d after", i, i == level, s.held[i], n)
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
	of, err := chain.Cgroup(limited, "cpuset")
	if err != nil {
		return err
	}
	return harness.OneProcessor(ctx, l, of)
}

func (s *scenario) change(ctx context.Context, level int, table *godog.Table) error {
	c, err := readChange(level, table)
	if err != nil {
		return err
	}
	chain, err := s.changed(ctx, true)
	if err != nil {
		return err
	}
	s.changes = []change{c}
	if s.before, err = chain.Configuration(level); err != nil {
		return err
	}
	s.answer = configure(ctx, chain, c)
	return nil
}

var errNothingChanged = errors.New("no When has changed a configuration")

func (s *scenario) changeByLayout() error {
	if s.before == nil {
		return errNothingChanged
	}
	c := s.changes[0]
	g, err := s.chain.Cgroup(c.level, "cpu")
	if err != nil {
		return err
	}
	if g.V2() {
		return s.answer
	}
	if s.answer == nil {
		return fmt.Errorf("level %d: change of its configuration: wanted refused, got done", c.level)
	}
	if !harness.CgroupRefused(s.answer) {
		return fmt.Errorf("level %d: change of its configuration: wanted refused by the kernel, got %w", c.level, s.answer)
	}
	now, err := s.chain.Configuration(c.level)
	if err != nil {
		return err
	}
	for key := range c.config {
		if now[key] != s.before[key] {
			return fmt.Errorf("level %d: %s after a change that was refused: wanted %q as before, got %q", c.level, key, s.before[key], now[key])
		}
	}
	return nil
}

func (s *scenario) processorsByLayout(ctx context.Context, level int) error {
	if s.before == nil {
		return errNothingChanged
	}
	if s.answer != nil {
		return s.answer
	}
	return s.chain.ProcessorsDivided(ctx, s.changes[0].level, level)
}

func (s *scenario) halfOfTheMachine(ctx context.Context, level int) error {
	chain, err := s.own(ctx)
	if err != nil {
		return err
	}
	g, err := chain.Cgroup(level, "memory")
	if err != nil {
		return err
	}
	got, err := g.MemoryLimit()
	if err != nil {
		return err
	}
	all, err := harness.MachineMemory()
	if err != nil {
		return err
	}
	if !harness.HalfOf(got, all) {
		return fmt.Errorf("level %d: limit on its memory: wanted half of the machine's %d, got %d", level, all, got)
	}
	return nil
}
