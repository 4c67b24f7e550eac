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
	"nestbed/harness/wait"
)

const (
	cascade   = `in which every level delegates what the levels below it need$`
	remainder = `in which every level keeps a block and delegates the rest$`
)

// Building a chain is a When if the scenario tests the build itself, and a Given if something
// happens to the chain later.
var chainSteps = []step{
	{
		When, `^a chain of depth (\d+) is built with the delegations$`,
		"Builds the chain: the LXD of each level makes the next one. Levels in the table delegate an allocation; the others delegate nothing.",
		func(s *scenario) any { return s.buildWithTable }, changes,
	},
	{
		When, `^a chain of depth (\d+) is built without delegations$`,
		"Builds the chain with empty subid files at every level.",
		func(s *scenario) any { return s.buildWithout }, changes,
	},
	{
		When, `^a chain of depth (\d+) is built ` + cascade,
		"Builds the chain of the article: a level keeps its first block of 65536 ids and delegates one block for each level below.",
		func(s *scenario) any { return s.buildCascade }, changes,
	},
	{
		When, `^a chain of depth (\d+) is built ` + remainder,
		"Builds the chain. A level delegates all ids after its first block, even if they are too few for the levels below.",
		func(s *scenario) any { return s.buildRemainder }, changes,
	},
	{
		When, `^a chain of depth (\d+) is built as described$`,
		"Builds the chain with the files and configurations of the Given steps. Levels without any delegate nothing.",
		func(s *scenario) any { return s.buildAsDescribed }, changes,
	},
	{
		Given, `^a chain of depth (\d+) ` + cascade,
		"The chain of the article is up as planned. Scenarios that do not change it may share it.",
		func(s *scenario) any { return s.cascade }, shares,
	},
	{
		Given, `^a chain of depth (\d+) as described$`,
		"The chain is up as planned, with the files and configurations of the other Given steps.",
		func(s *scenario) any { return s.asDescribed }, shares,
	},
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
			return fmt.Errorf("level %q: has no level below it in a chain of depth %d", row["level"], depth)
		}
		a, err := idmap.ParseAllocation(row["allocation"])
		if err != nil {
			return err
		}
		d := idmap.Delegate(a)
		spec.Levels[level-1].Delegation = &d
	}
	s.spec = spec
	return s.build(ctx)
}

func (s *scenario) buildWithout(ctx context.Context, depth int) error {
	s.spec = harness.Delegating(depth, nil)
	return s.build(ctx)
}

func (s *scenario) buildCascade(ctx context.Context, depth int) error {
	s.cascade(depth)
	return s.build(ctx)
}

func (s *scenario) buildRemainder(ctx context.Context, depth int) error {
	a, err := idmap.ParseAllocation(strings.TrimSuffix(s.allocation.UID.Text, "\n"))
	if err != nil {
		return fmt.Errorf("no allocation of the host that could be delegated: %w", err)
	}
	s.spec = harness.Delegating(depth, idmap.Remainder(a.Count, depth))
	return s.build(ctx)
}

func (s *scenario) buildAsDescribed(ctx context.Context, depth int) error {
	s.asDescribed(depth)
	return s.build(ctx)
}

// cascade selects the article's chain.
func (s *scenario) cascade(depth int) { s.spec = harness.Cascade(depth) }

// asDescribed selects a chain that the Given steps describe completely.
func (s *scenario) asDescribed(depth int) { s.spec = harness.Delegating(depth, nil) }

// build builds the scenario's own chain. A stop is an outcome, not an error: the Then steps and
// the plan decide whether it was expected.
func (s *scenario) build(ctx context.Context) error {
	order, err := s.order()
	if err != nil {
		return err
	}
	if s.patience > 0 {
		ctx = wait.WithPatience(ctx, s.patience)
	}
	s.host, s.chain, err = order.build(ctx)
	s.owned = true
	if err != nil {
		return err
	}
	host.WatchMember(ctx, s.host, s.end)
	return s.compare(ctx)
}

// compare records differences between LXD and the plan. After an injected fault the plan applies
// only to the levels that are up; the Then steps check the stop and its reason.
func (s *scenario) compare(ctx context.Context) error {
	outcome, err := s.chain.Outcome(ctx)
	if err != nil {
		return err
	}
	s.outcome = outcome
	plan := s.chain.Plan
	if s.broken {
		plan.Levels = plan.Levels[:min(len(plan.Levels), len(outcome.Levels))]
		plan.Stop = outcome.Stop
	}
	s.contradiction = errors.Join(s.contradiction, harness.Contradiction(plan, outcome))
	return nil
}

// ownLevel returns a level of the scenario's own chain.
func (s *scenario) ownLevel(ctx context.Context, level int) (*harness.Level, error) {
	chain, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	return chain.Level(level)
}

// errNotDeclared is the error of a step that would change a shared chain.
var errNotDeclared = errors.New("step changes a shared chain: no step of the scenario has Changes; set it in the vocabulary")

// own returns the scenario's own chain, for a step that changes the chain or its host.
func (s *scenario) own(ctx context.Context) (*harness.Chain, error) {
	if s.needs&changes == 0 {
		return nil, errNotDeclared
	}
	if s.chain == nil {
		if err := s.build(ctx); err != nil {
			return nil, err
		}
		if s.chain.Stop != nil {
			return nil, fmt.Errorf("chain of the Given step: not up: %w", s.chain.Stop)
		}
	}
	return s.chain, nil
}

// look returns the scenario's chain, for a step that changes nothing. The chain is shared unless
// another step of the scenario changes it.
func (s *scenario) look(ctx context.Context) (*harness.Chain, error) {
	if s.needs&changes != 0 {
		return s.own(ctx)
	}
	if s.chain == nil {
		order, err := s.order()
		if err != nil {
			return nil, err
		}
		if s.host, s.chain, s.outcome, err = s.pool.get(ctx, order); err != nil {
			return nil, err
		}
		host.WatchMember(ctx, s.host, s.end)
	}
	return s.chain, nil
}

// reattach waits until levels 1 to depth run again after a disturbance, and compares them with the
// plan.
func (s *scenario) reattach(ctx context.Context, depth int) error {
	if err := s.chain.Reattach(ctx, depth); err != nil {
		return err
	}
	outcome, err := s.chain.Outcome(ctx)
	if err != nil {
		return err
	}
	s.outcome = outcome
	planned := s.chain.Plan
	planned.Levels = planned.Levels[:depth]
	s.contradiction = errors.Join(s.contradiction, harness.Contradiction(planned, outcome))
	return nil
}
