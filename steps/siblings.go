package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// besides is what a scenario knows of the siblings of its chain.
type besides struct {
	// wanted are those that the Givens ask for.
	wanted []wantedSiblings
	// refused is where LXD refused something, by sibling and level.
	refused map[siblingKey]*harness.LevelError
}

type siblingKey struct {
	name  string
	level int
}

type wantedSiblings struct {
	level int
	table *godog.Table
}

var siblingColumns = []string{"sibling", "isolated", "size", "base"}

const oneSibling = `^sibling ([A-Z]) at level (\d+) `

var siblingSteps = []step{
	{
		Given, `^these siblings at level (\d+)$`,
		"Containers beside the chain, made by the LXD that makes that level, one after the other; they are up as planned.",
		func(s *scenario) any { return s.givenSiblings },
	},
	{
		When, `^these siblings are made at level (\d+)$`,
		"Containers beside the chain, made by the LXD that makes that level, one after the other until one is refused.",
		func(s *scenario) any { return s.makeSiblings },
	},
	{
		When, oneSibling + `is (deleted|stopped), and these are made$`,
		"First the one goes, or stands still, then the others are made, one after the other.",
		func(s *scenario) any { return s.makeAfter },
	},
	{
		When, oneSibling + `is stopped and started$`,
		"Its init is killed, then its LXD above starts it.",
		func(s *scenario) any { return s.restartSibling },
	},
	{
		When, oneSibling + `is given the size (\d+)$`,
		"Its security.idmap.size is changed as it runs.",
		func(s *scenario) any { return s.resize },
	},
	{
		When, oneSibling + `is given the size (\d+), and stopped and started$`,
		"Its security.idmap.size is changed as it runs; then its init is killed, and its LXD above starts it.",
		func(s *scenario) any { return s.resizeAndRestart },
	},
	{
		When, oneSibling + `is given the size (\d+), and these are made$`,
		"Its security.idmap.size is changed as it runs; it runs on while the others are made, one after the other.",
		func(s *scenario) any { return s.resizeAndMake },
	},
	{
		Then, `^the uid and gid maps of the siblings at level (\d+) are$`,
		"Every line of /proc/PID/uid_map and gid_map of every sibling that is up: ids inside, in the level above, on the host.",
		func(s *scenario) any { return s.siblingMaps },
	},
	{
		Then, `^siblings ([A-Z]) and ([A-Z]) at level (\d+) share (no|all|\d+) host ids?$`,
		"Uids and gids alike, by the maps that the kernel shows on the host; all: all that the first has.",
		func(s *scenario) any { return s.siblingsShare },
	},
	{
		Then, `^sibling ([A-Z]) and level (\d+) share (no|all|\d+) host ids?$`,
		"As between siblings: the level is that of the chain, beside the sibling.",
		func(s *scenario) any { return s.siblingAndLevelShare },
	},
	{
		Then, `^root of sibling ([A-Z]) at level (\d+) reaches no (file|process|abstract socket) of sibling ([A-Z])$`,
		"One is made in the second sibling, whose own root reaches it.",
		func(s *scenario) any { return s.reachesNothing },
	},
	{
		Then, oneSibling + `stops in operation "([^"]*)" for the reason "([^"]*)"$`,
		"LXD refused it: the operation is create, start or configure, the reason one of nestbed's.",
		func(s *scenario) any { return s.siblingStops },
	},
}

func (s *scenario) givenSiblings(level int, table *godog.Table) {
	s.besides.wanted = append(s.besides.wanted, wantedSiblings{level, table})
}

// siblings gives the siblings at a level of the scenario's own chain, with those that the Givens ask for.
func (s *scenario) siblings(ctx context.Context, level int) (*harness.Siblings, error) {
	chain, err := s.own(ctx)
	if err != nil {
		return nil, err
	}
	wanted := s.besides.wanted
	s.besides.wanted = nil
	for _, w := range wanted {
		if err := s.makeSiblings(ctx, w.level, w.table); err != nil {
			return nil, err
		}
		for _, refused := range s.besides.refused {
			return nil, fmt.Errorf("a sibling of the Given is not up: %w", refused)
		}
	}
	return chain.Siblings(level)
}

// note keeps a refusal, which is an outcome and no error, and where LXD contradicts the plan.
func (s *scenario) note(siblings *harness.Siblings, name string, err error) (refused bool, _ error) {
	if siblings.Contradiction != nil {
		s.contradiction = siblings.Contradiction
	}
	var stopped *harness.LevelError
	if !errors.As(err, &stopped) {
		return false, err
	}
	if s.besides.refused == nil {
		s.besides.refused = map[siblingKey]*harness.LevelError{}
	}
	s.besides.refused[siblingKey{name, siblings.Level}] = stopped
	return true, nil
}

func (s *scenario) makeSiblings(ctx context.Context, level int, table *godog.Table) error {
	rows, err := readTable(table, siblingColumns...)
	if err != nil {
		return err
	}
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	for _, row := range rows {
		spec := harness.LevelSpec{Config: map[string]string{}}
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
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	if what == "deleted" {
		err = siblings.Delete(ctx, name)
	} else {
		err = siblings.Stop(ctx, name)
	}
	if err != nil {
		return err
	}
	return s.makeSiblings(ctx, level, table)
}

func (s *scenario) restartSibling(ctx context.Context, name string, level int) error {
	siblings, err := s.siblings(ctx, level)
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
	siblings, err := s.siblings(ctx, level)
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

func (s *scenario) siblingStops(name string, level int, operation, reason string) error {
	op, err := idmap.ParseOp(operation)
	if err != nil {
		return err
	}
	why, err := idmap.ParseReason(reason)
	if err != nil {
		return err
	}
	wanted := idmap.Stop{Level: level, Op: op, Reason: why}
	called := "sibling " + name
	if name == "" {
		called = "the chain"
	}
	got := s.besides.refused[siblingKey{name, level}]
	if got == nil {
		return fmt.Errorf("%s: wanted a stop at %s, but LXD refused nothing of it", called, &wanted)
	}
	if got.Stop != wanted {
		return fmt.Errorf("%s: wanted a stop at %s, got %w", called, &wanted, got)
	}
	return nil
}

// siblingMaps holds the table against what the siblings have: all of it, and nothing but it.
func (s *scenario) siblingMaps(ctx context.Context, level int, table *godog.Table) error {
	rows, err := readTable(table, "sibling", "inside", "parent", "host", "count")
	if err != nil {
		return err
	}
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	return s.compareSiblings(ctx, siblings, siblings.Up(), rows)
}

func (s *scenario) compareSiblings(ctx context.Context, siblings *harness.Siblings, names []string, rows []map[string]string) error {
	var errs []error
	for _, kind := range []struct {
		name string
		of   func(idmap.Map) []idmap.Mapping
	}{
		{"uid", func(m idmap.Map) []idmap.Mapping { return m.UID }},
		{"gid", func(m idmap.Map) []idmap.Mapping { return m.GID }},
	} {
		var wanted, got []string
		for _, row := range rows {
			wanted = append(wanted, mapLine(kind.name, row["sibling"], row["inside"], row["parent"], row["host"], row["count"]))
		}
		for _, name := range names {
			m, host, err := maps(ctx, siblings, name)
			if err != nil {
				return err
			}
			for i, line := range kind.of(m) {
				got = append(got, mapLine(kind.name, name, line.Inside, line.Parent, kind.of(host)[i].Parent, line.Count))
			}
		}
		errs = append(errs, diffLines(kind.name, wanted, got))
	}
	return errors.Join(errs...)
}

// maps are the map of a sibling as it sees it itself, and as the host does.
func maps(ctx context.Context, siblings *harness.Siblings, name string) (m, host idmap.Map, err error) {
	l, err := siblings.Get(name)
	if err != nil {
		return m, host, err
	}
	if m, err = l.Map(ctx); err == nil {
		host, err = l.HostMap()
	}
	return m, host, err
}

func (s *scenario) siblingsShare(ctx context.Context, first, second string, level int, count string) error {
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	other, err := siblings.Get(second)
	if err != nil {
		return err
	}
	return share(siblings, first, other, "sibling "+second, count)
}

func (s *scenario) siblingAndLevelShare(ctx context.Context, name string, level int, count string) error {
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	other, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	return share(siblings, name, other, fmt.Sprintf("level %d", level), count)
}

// share compares how many host ids a sibling has that the other has as well with the wanted count: no, all or a number.
func share(siblings *harness.Siblings, name string, other *harness.Level, called, count string) error {
	one, err := siblings.Get(name)
	if err != nil {
		return err
	}
	m, err := one.HostMap()
	if err != nil {
		return err
	}
	uids, gids, err := harness.SharedIDs(one, other)
	if err != nil {
		return err
	}
	for _, kind := range []struct {
		name     string
		got, all uint64
	}{{"uids", uids, idmap.Count(m.UID)}, {"gids", gids, idmap.Count(m.GID)}} {
		wanted := count
		switch count {
		case "no":
			wanted = "0"
		case "all":
			wanted = fmt.Sprint(kind.all)
		}
		if got := fmt.Sprint(kind.got); got != wanted {
			return fmt.Errorf("level %d: sibling %s and %s: host %s that both have: wanted %s, got %s", one.Index, name, called, kind.name, wanted, got)
		}
	}
	return nil
}

func (s *scenario) reachesNothing(ctx context.Context, name string, level int, thing, owner string) error {
	siblings, err := s.siblings(ctx, level)
	if err != nil {
		return err
	}
	of, err := siblings.Get(owner)
	if err != nil {
		return err
	}
	from, err := siblings.Get(name)
	if err != nil {
		return err
	}
	itself, other, err := harness.Reaches(ctx, harness.Thing(thing), of, from)
	switch {
	case err != nil:
		return err
	case !itself:
		return fmt.Errorf("level %d: a %s of sibling %s: its own root does not reach it either, so nothing is shown", level, thing, owner)
	case other:
		return fmt.Errorf("level %d: a %s of sibling %s: wanted out of reach, but root of sibling %s reaches it", level, thing, owner, name)
	}
	return nil
}
