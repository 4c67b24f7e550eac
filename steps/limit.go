package steps

import (
	"context"
	"fmt"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/limit"
	"nestbed/harness/act/wall"
	"nestbed/harness/attempt"
)

var limitSteps = []step{
	{
		Given, `^the configuration of level (\d+) has been changed to$`,
		"The LXD above changes the keys while the chain runs. An empty value removes a key.",
		func(s *scenario) any { return s.wasChanged }, changes,
	},
	{
		When, `^the configuration of level (\d+) is changed to$`,
		"The LXD above changes the keys while the chain runs, and its answer is recorded. An empty value removes a key.",
		func(s *scenario) any { return s.change }, changes,
	},
	{
		When, `^level (\d+) allocates (\d+) MB of memory$`,
		"One process of the level fills the memory with zeros and then ends.",
		func(s *scenario) any { return s.takeMemory }, shares,
	},
	{
		When, `^level (\d+) starts (\d+) processes$`,
		"One process starts all of them, and then ends them.",
		func(s *scenario) any { return s.startProcesses }, shares,
	},
	{
		When, `^level (\d+) uses a processor continuously$`,
		"One process of the level runs a busy loop for a second.",
		func(s *scenario) any { return s.compute }, shares,
	},
}

// configuration is a change of a running level's configuration.
type configuration struct {
	level  int
	config map[string]string
}

// configured is the result of a change: the configuration before it, and LXD's answer.
type configured struct {
	configuration
	before map[string]string
	answer error
}

func readChange(level int, table *godog.Table) (configuration, error) {
	rows, err := readTable(table, "key", "value")
	c := configuration{level: level, config: map[string]string{}}
	for _, row := range rows {
		c.config[row["key"]] = row["value"]
	}
	return c, err
}

func configure(ctx context.Context, chain *harness.Chain, c configuration) error {
	l, err := chain.Level(c.level)
	if err != nil {
		return err
	}
	return harness.Configure(ctx, l, c.config)
}

func (s *scenario) wasChanged(level int, table *godog.Table) error {
	s.onDisk = true // files in memory would count toward limits.memory
	c, err := readChange(level, table)
	s.changes = append(s.changes, c)
	return err
}

// changed returns the chain after the changes of the Given steps, and records its init processes.
func (s *scenario) changed(ctx context.Context) (*harness.Chain, error) {
	chain, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range s.changes {
		if err := configure(ctx, chain, c); err != nil {
			return nil, err
		}
	}
	s.changes = nil
	s.inits, err = s.initsNow(ctx)
	return chain, err
}

// use runs an attempt of a level to use a limited resource, and records the kernel's counters
// before it.
func (s *scenario) use(ctx context.Context, level int, what string, use func(*harness.Level) (attempt.Attempt, error)) error {
	chain, err := s.changed(ctx)
	if err != nil {
		return err
	}
	l, err := chain.Level(level)
	if err != nil {
		return err
	}
	did := tried{who: fmt.Sprint("level ", level), operation: wall.Operation{Name: what}}
	if did.kills, err = limit.OutOfMemoryKills(chain); err != nil {
		return err
	}
	if did.held, err = limit.HeldPeriods(chain); err != nil {
		return err
	}
	did.attempt, err = use(l)
	s.did = did
	return err
}

func (s *scenario) takeMemory(ctx context.Context, level, megabytes int) error {
	return s.use(ctx, level, fmt.Sprint("take memory, MB: ", megabytes), func(l *harness.Level) (attempt.Attempt, error) {
		return limit.TakeMemory(ctx, l, megabytes)
	})
}

func (s *scenario) startProcesses(ctx context.Context, level, count int) error {
	return s.use(ctx, level, fmt.Sprint("start processes: ", count), func(l *harness.Level) (attempt.Attempt, error) {
		return limit.StartProcesses(ctx, l, count)
	})
}

func (s *scenario) compute(ctx context.Context, level int) error {
	return s.use(ctx, level, "compute", func(l *harness.Level) (attempt.Attempt, error) { return limit.Compute(ctx, l) })
}

func (s *scenario) change(ctx context.Context, level int, table *godog.Table) error {
	s.onDisk = true
	c, err := readChange(level, table)
	if err != nil {
		return err
	}
	if _, err := s.own(ctx); err != nil {
		return err
	}
	chain, err := s.changed(ctx)
	if err != nil {
		return err
	}
	did := configured{configuration: c}
	if did.before, err = limit.Configuration(ctx, chain, level); err != nil {
		return err
	}
	did.answer = configure(ctx, chain, c)
	s.did = did
	return nil
}
