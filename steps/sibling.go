package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/sibling"
	"nestbed/harness/bridge"
	"nestbed/harness/idmap"
)

// siblingState is a scenario's state about the siblings of its chain.
type siblingState struct {
	// refused holds LXD's refusals by sibling and level.
	refused map[siblingKey]*harness.LevelError
	// newcomers is the number of containers that Then steps have made.
	newcomers int
}

type siblingKey struct {
	name  string
	level int
}

type siblingsGiven struct {
	level int
	table *godog.Table
}

var siblingColumns = []string{"sibling", "isolated", "size", "base"}

const oneSibling = `^sibling ([A-Z]) at level (\d+) `

var siblingSteps = []step{
	{
		Given, `^these siblings at level (\d+)$`,
		"Containers beside the chain, made in this order by the LXD that makes that level. They are up as planned.",
		func(s *scenario) any { return s.givenSiblings }, changes,
	},
	{
		When, `^these siblings are made at level (\d+)$`,
		"Makes containers beside the chain, in this order, with the LXD that makes that level, until it refuses one.",
		func(s *scenario) any { return s.makeSiblings }, changes,
	},
	{
		When, oneSibling + `is (deleted|stopped) and these siblings are made$`,
		"Deletes or stops the sibling, then makes the others in this order.",
		func(s *scenario) any { return s.makeAfter }, changes,
	},
	{
		When, oneSibling + `is stopped and started$`,
		"Kills the sibling's init, then the LXD above starts the sibling.",
		func(s *scenario) any { return s.restartSibling }, changes,
	},
	{
		When, oneSibling + `is resized to (\d+)$`,
		"Changes security.idmap.size while the sibling runs.",
		func(s *scenario) any { return s.resize }, changes,
	},
	{
		When, oneSibling + `is resized to (\d+), then stopped and started$`,
		"Changes security.idmap.size while the sibling runs, kills its init, and then the LXD above starts the sibling.",
		func(s *scenario) any { return s.resizeAndRestart }, changes,
	},
	{
		When, oneSibling + `is resized to (\d+) and these siblings are made$`,
		"Changes security.idmap.size while the sibling runs, then makes the others in this order. The sibling keeps running.",
		func(s *scenario) any { return s.resizeAndMake }, changes,
	},
}

func (s *scenario) givenSiblings(level int, table *godog.Table) {
	s.given.siblings = append(s.given.siblings, siblingsGiven{level, table})
}

// ownSiblings returns the siblings at a level, for a step that changes them.
func (s *scenario) ownSiblings(ctx context.Context, level int) (*sibling.Siblings, error) {
	if _, err := s.own(ctx); err != nil {
		return nil, err
	}
	return s.siblings(ctx, level)
}

// siblings returns the siblings at a level, for a step that changes nothing. It first makes those
// of the Given steps.
func (s *scenario) siblings(ctx context.Context, level int) (*sibling.Siblings, error) {
	chain, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	wanted := s.given.siblings
	s.given.siblings = nil
	for _, w := range wanted {
		of, err := sibling.Of(chain, w.level)
		if err != nil {
			return nil, err
		}
		if err := s.addSiblings(ctx, of, w.table); err != nil {
			return nil, err
		}
		for _, refused := range s.siblingState.refused {
			return nil, fmt.Errorf("sibling of the Given step: not up: %w", refused)
		}
	}
	return sibling.Of(chain, level)
}

// note records a refusal, which is an outcome and not an error, and any contradiction of the plan.
func (s *scenario) note(siblings *sibling.Siblings, name string, err error) (refused bool, _ error) {
	if siblings.Contradiction != nil {
		s.contradiction = siblings.Contradiction
	}
	var stopped *harness.LevelError
	if !errors.As(err, &stopped) {
		return false, err
	}
	if s.siblingState.refused == nil {
		s.siblingState.refused = map[siblingKey]*harness.LevelError{}
	}
	s.siblingState.refused[siblingKey{name, siblings.Level}] = stopped
	return true, nil
}

func (s *scenario) makeSiblings(ctx context.Context, level int, table *godog.Table) error {
	siblings, err := s.ownSiblings(ctx, level)
	if err != nil {
		return err
	}
	return s.addSiblings(ctx, siblings, table)
}

// addSiblings makes the siblings of a table in order, until LXD refuses one.
func (s *scenario) addSiblings(ctx context.Context, siblings *sibling.Siblings, table *godog.Table) error {
	rows, err := readTable(table, siblingColumns...)
	if err != nil {
		return err
	}
	for _, row := range rows {
		spec := harness.LevelSpec{Config: map[string]string{}, Interface: s.network.interfaces[siblingKey{row["sibling"], siblings.Level}]}
		if s.network.connected {
			spec.Network = bridge.Config(siblings.Level)
		}
		switch row["isolated"] {
		case "yes":
			spec.Config[idmap.KeyIsolated] = "true"
		case "no":
		default:
			return fmt.Errorf("sibling %s: isolated is %q, expected yes or no", row["sibling"], row["isolated"])
		}
		for column, key := range map[string]string{"size": idmap.KeySize, "base": idmap.KeyBase} {
			if row[column] != "" {
				spec.Config[key] = row[column]
			}
		}
		_, err := siblings.Add(ctx, row["sibling"], spec)
		if refused, err := s.note(siblings, row["sibling"], err); refused || err != nil {
			return err
		}
	}
	return nil
}

func (s *scenario) makeAfter(ctx context.Context, name string, level int, what string, table *godog.Table) error {
	siblings, err := s.ownSiblings(ctx, level)
	if err != nil {
		return err
	}
	if what == "deleted" {
		err = siblings.Remove(ctx, name)
	} else {
		err = siblings.Stop(ctx, name)
	}
	if err != nil {
		return err
	}
	return s.makeSiblings(ctx, level, table)
}

func (s *scenario) restartSibling(ctx context.Context, name string, level int) error {
	siblings, err := s.ownSiblings(ctx, level)
	if err != nil {
		return err
	}
	if err := siblings.Stop(ctx, name); err != nil {
		return err
	}
	_, err = siblings.Start(ctx, name)
	_, err = s.note(siblings, name, err)
	return err
}

func (s *scenario) resize(ctx context.Context, name string, level int, size string) error {
	siblings, err := s.ownSiblings(ctx, level)
	if err != nil {
		return err
	}
	err = siblings.Configure(ctx, name, map[string]string{idmap.KeySize: size})
	_, err = s.note(siblings, name, err)
	return err
}

func (s *scenario) resizeAndRestart(ctx context.Context, name string, level int, size string) error {
	if err := s.resize(ctx, name, level, size); err != nil {
		return err
	}
	return s.restartSibling(ctx, name, level)
}

func (s *scenario) resizeAndMake(ctx context.Context, name string, level int, size string, table *godog.Table) error {
	if err := s.resize(ctx, name, level, size); err != nil {
		return err
	}
	return s.makeSiblings(ctx, level, table)
}
