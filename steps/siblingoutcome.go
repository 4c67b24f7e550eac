package steps

import (
	"context"
	"errors"
	"fmt"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/sibling"
	"nestbed/harness/act/wall"
	"nestbed/harness/idmap"
)

var siblingOutcomeSteps = []step{
	{
		Then, `^the uid and gid maps of the siblings at level (\d+) are$`,
		"Compares every line of /proc/PID/uid_map and gid_map of every sibling that is up: ids inside, in the level above, and on the host.",
		func(s *scenario) any { return s.siblingMaps }, shares,
	},
	{
		Then, `^siblings ([A-Z]) and ([A-Z]) at level (\d+) share (no|all|\d+) host ids?$`,
		"Counts common uids and gids in the maps that the kernel shows on the host. All means all ids of the first sibling.",
		func(s *scenario) any { return s.siblingsShare }, shares,
	},
	{
		Then, `^sibling ([A-Z]) and level (\d+) share (no|all|\d+) host ids?$`,
		"Counts common ids of a sibling and the chain's level beside it, as between siblings.",
		func(s *scenario) any { return s.siblingAndLevelShare }, shares,
	},
	{
		Then, `^root of sibling ([A-Z]) at level (\d+) cannot reach any (?P<thing>file|process|abstract socket) of sibling ([A-Z])$`,
		"Makes one in the second sibling. Root of that sibling can reach it.",
		func(s *scenario) any { return s.reachesNothing }, shares,
	},
	{
		Then, oneSibling + `fails in operation "([^"]*)" for the reason "([^"]*)"$`,
		"LXD refused the operation create, start or configure. The reason is one of nestbed's reasons.",
		func(s *scenario) any { return s.siblingStops }, shares,
	},
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
	got := s.siblingState.refused[siblingKey{name, level}]
	if got == nil {
		return mismatchf("%s: wanted a stop at %s, but LXD refused nothing", called, &wanted)
	}
	if got.Stop != wanted {
		return mismatchf("%s: wanted a stop at %s, got %w", called, &wanted, got)
	}
	return nil
}

// siblingMaps compares the table with the maps of all siblings. Neither may have additional lines.
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

func (s *scenario) compareSiblings(ctx context.Context, siblings *sibling.Siblings, names []string, rows []map[string]string) error {
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
			m, host, err := mapsOf(ctx, siblings, name)
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

// mapsOf returns the map of a sibling in ids of the level above, and in host ids.
func mapsOf(ctx context.Context, siblings *sibling.Siblings, name string) (m, host idmap.Map, err error) {
	l, err := siblings.Get(name)
	if err != nil {
		return m, host, err
	}
	if m, err = l.Map(ctx); err == nil {
		host, err = l.HostMap(ctx)
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
	return share(ctx, siblings, first, other, "sibling "+second, count)
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
	return share(ctx, siblings, name, other, fmt.Sprintf("level %d", level), count)
}

// share checks how many host ids a sibling has in common with the other. count is "no", "all" or a
// number.
func share(ctx context.Context, siblings *sibling.Siblings, name string, other *harness.Level, called, count string) error {
	one, err := siblings.Get(name)
	if err != nil {
		return err
	}
	m, err := one.HostMap(ctx)
	if err != nil {
		return err
	}
	uids, gids, err := sibling.SharedIDs(ctx, one, other)
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
			return mismatchf("level %d: sibling %s and %s: common host %s: wanted %s, got %s", one.Index, name, called, kind.name, wanted, got)
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
	itself, other, err := wall.Reaches(ctx, wall.Thing(thing), of, from)
	switch {
	case err != nil:
		return err
	case !itself:
		return fmt.Errorf("level %d: a %s of sibling %s: its own root cannot reach it, so the check shows nothing", level, thing, owner)
	}
	return s.equal(fmt.Sprintf("level %d: a %s of sibling %s: root of sibling %s reaches it", level, thing, owner, name), false, other)
}
