package steps

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

func (s *scenario) registerWhens(sc *godog.ScenarioContext) {
	sc.When(`^a chain of depth (\d+) is built with the delegations$`, s.buildWithTable)
	sc.When(`^a chain of depth (\d+) is built without delegations$`, s.buildWithout)
	sc.When(`^a chain of depth (\d+) is built in which every level delegates what the levels below it need$`, s.buildCascade)
	sc.When(`^a chain of depth (\d+) is built in which every level keeps a block and delegates the rest$`, s.buildRemainder)
	sc.When(`^a chain of depth (\d+) is built as described$`, s.buildAsDescribed)
}

func (s *scenario) buildAsDescribed(ctx context.Context, depth int) error {
	spec, err := s.asDescribed(depth)
	if err != nil {
		return err
	}
	return s.build(ctx, spec)
}

func (s *scenario) buildWithTable(ctx context.Context, depth int, table *godog.Table) error {
	rows, err := readTable(table, "level", "allocation")
	if err != nil {
		return err
	}
	spec := harness.Delegating(depth, nil)
	for _, row := range rows {
		level, err := strconv.Atoi(row["level"])
		if err != nil || level < 1 || level >= depth {
			return fmt.Errorf("level %q: not a level that has another below it in a chain of depth %d", row["level"], depth)
		}
		a, err := idmap.ParseAllocation(row["allocation"])
		if err != nil {
			return err
		}
		d := idmap.Delegate(a)
		spec.Levels[level-1].Delegation = &d
	}
	return s.build(ctx, spec)
}

func (s *scenario) buildWithout(ctx context.Context, depth int) error {
	return s.build(ctx, harness.Delegating(depth, nil))
}

func (s *scenario) buildCascade(ctx context.Context, depth int) error {
	return s.build(ctx, harness.Cascade(depth))
}

func (s *scenario) buildRemainder(ctx context.Context, depth int) error {
	a, err := idmap.ParseAllocation(strings.TrimSuffix(s.allocation.UID.Text, "\n"))
	if err != nil {
		return fmt.Errorf("the rest of what? %w", err)
	}
	return s.build(ctx, harness.Delegating(depth, idmap.Remainder(a.Count, depth)))
}

// build starts the host and builds the chain. That the chain stops is an
// outcome, not an error: the Thens, and the plan, say whether it had to.
func (s *scenario) build(ctx context.Context, spec harness.Spec) error {
	for i := range spec.Levels {
		spec.Levels[i].Bundle = s.levelBundle
	}
	var err error
	s.host, err = host.Private(ctx, host.Config{Delegation: s.allocation, Bundle: s.bundle})
	if err != nil {
		return err
	}
	s.chain, err = harness.Build(ctx, s.host, spec)
	var stopped *harness.LevelError
	if err != nil && !errors.As(err, &stopped) {
		return err
	}
	if s.outcome, err = s.chain.Outcome(ctx); err != nil {
		return err
	}
	s.contradiction = harness.Contradiction(s.chain.Plan, s.outcome)
	return nil
}
