package steps

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/act/allocation"
	"nestbed/harness/act/sibling"
	"nestbed/harness/idmap"
)

const (
	becomes = `^the root allocation of (the host|level \d+) becomes "([^"]*)"`
	usermod = `^usermod gives root the ids (\d+) to (\d+) (?:on|at) (the host|level \d+)`
)

var changeSteps = []step{
	{
		Given, `^the root allocation of level (\d+) is "([^"]*)"$`,
		"Writes root's line in /etc/subuid and /etc/subgid of the level.",
		func(s *scenario) any { return s.levelAllocation }, shares,
	},
	{
		Given, `^/etc/subuid and /etc/subgid of (the host|level \d+) read( with CRLF line endings)?$`,
		"Sets the complete text of both files.",
		func(s *scenario) any { return s.filesRead }, shares,
	},
	{
		When, becomes + `$`,
		"Rewrites both files while the chain runs. The LXD there keeps running.",
		func(s *scenario) any { return s.reallocate }, changes,
	},
	{
		When, becomes + `, and its LXD is restarted$`,
		"Rewrites both files while the chain runs, then restarts the LXD there.",
		func(s *scenario) any { return s.reallocateAndRestart }, changes,
	},
	{
		When, becomes + `, and its LXD and the level below are restarted$`,
		"Rewrites both files while the chain runs, then restarts the LXD there and the level that it made.",
		func(s *scenario) any { return s.reallocateAndRestartBelow }, changes,
	},
	{
		When, usermod + `$`,
		"Runs usermod for uids and gids while the chain runs. The LXD there keeps running.",
		func(s *scenario) any { return s.usermod }, changes,
	},
	{
		When, usermod + `, and its LXD is restarted$`,
		"Runs usermod for uids and gids while the chain runs, then restarts the LXD there.",
		func(s *scenario) any { return s.usermodAndRestart }, changes,
	},
	{
		Then, `^usermod refuses to take the ids (?P<first>\d+) to (?P<last>\d+) from root (?:on|at) (the host|level \d+) because root has running processes$`,
		"usermod fails with \"user root is currently used by process\".",
		func(s *scenario) any { return s.usermodRefuses }, changes,
	},
	{
		Then, `^a new container at level (\d+) has the uid and gid maps$`,
		"Makes a container beside the chain, compares every line of its /proc/PID/uid_map and gid_map, and deletes it.",
		func(s *scenario) any { return s.newcomer }, changes,
	},
	{
		Then, `^a new container at level (\d+) fails in operation "([^"]*)" for the reason "([^"]*)"$`,
		"Tries to make a container beside the chain. The operation is create or start; the reason is one of nestbed's reasons.",
		func(s *scenario) any { return s.newcomerStops }, changes,
	},
	{
		Then, `^level (\d+) fails to start again for the reason "([^"]*)"$`,
		"LXD refused to start the level when it was restarted. The reason is one of nestbed's reasons.",
		func(s *scenario) any { return s.startRefused }, shares,
	},
}

func (s *scenario) levelAllocation(level, text string) error {
	a, err := idmap.ParseAllocation(text)
	if err != nil {
		return err
	}
	l, err := s.describe(level)
	if err != nil {
		return err
	}
	d := idmap.Delegate(a)
	l.Delegation = &d
	return nil
}

func (s *scenario) filesRead(where, crlf string, text *godog.DocString) error {
	return errors.Join(s.fileReads("subuid", where, crlf, text), s.fileReads("subgid", where, crlf, text))
}

// below returns the containers of the LXD at a place, and records the init processes of all levels.
func (s *scenario) below(ctx context.Context, where string) (*sibling.Siblings, error) {
	level, err := place(where)
	if err != nil {
		return nil, err
	}
	siblings, err := s.ownSiblings(ctx, level+1)
	if err != nil {
		return nil, err
	}
	s.inits, err = s.initsNow(ctx)
	return siblings, err
}

func (s *scenario) reallocate(ctx context.Context, where, text string) error {
	_, err := s.write(ctx, where, text)
	return err
}

func (s *scenario) write(ctx context.Context, where, text string) (*sibling.Siblings, error) {
	a, err := idmap.ParseAllocation(text)
	if err != nil {
		return nil, err
	}
	siblings, err := s.below(ctx, where)
	if err != nil {
		return nil, err
	}
	return siblings, allocation.Write(ctx, s.chain, siblings.Level-1, idmap.Delegate(a))
}

func (s *scenario) reallocateAndRestart(ctx context.Context, where, text string) error {
	siblings, err := s.write(ctx, where, text)
	if err != nil {
		return err
	}
	return siblings.RestartLXD(ctx)
}

func (s *scenario) reallocateAndRestartBelow(ctx context.Context, where, text string) error {
	siblings, err := s.write(ctx, where, text)
	if err != nil {
		return err
	}
	if err := siblings.RestartLXD(ctx); err != nil {
		return err
	}
	depth := len(s.chain.Levels)
	refused, err := s.note(siblings, "", siblings.RestartChain(ctx))
	if refused || err != nil {
		return err
	}
	return s.reattach(ctx, depth)
}

func (s *scenario) usermod(ctx context.Context, first, last, where string) error {
	siblings, err := s.below(ctx, where)
	if err != nil {
		return err
	}
	return allocation.UsermodAdd(ctx, s.chain, siblings.Level-1, first, last)
}

func (s *scenario) usermodAndRestart(ctx context.Context, first, last, where string) error {
	if err := s.usermod(ctx, first, last, where); err != nil {
		return err
	}
	siblings, err := s.below(ctx, where)
	if err != nil {
		return err
	}
	return siblings.RestartLXD(ctx)
}

func (s *scenario) usermodRefuses(ctx context.Context, first, last, where string) error {
	chain, level, err := s.ownAt(ctx, where)
	if err != nil {
		return err
	}
	err = allocation.UsermodTake(ctx, chain, level, first, last)
	const busy = "user root is currently used by process"
	refused := err != nil && strings.Contains(err.Error(), busy)
	return s.equal(fmt.Sprintf("usermod at %s, which said %v, is refused as %q", where, err, busy), true, refused)
}

func (s *scenario) newcomer(ctx context.Context, level int, table *godog.Table) error {
	rows, err := readTable(table, "inside", "parent", "host", "count")
	if err != nil {
		return err
	}
	siblings, name, err := s.makeNewcomer(ctx, level)
	if err != nil {
		return err
	}
	if refused := s.siblingState.refused[siblingKey{name, level}]; refused != nil {
		return mismatchf("a new container at level %d: wanted up, got %w", level, refused)
	}
	for _, row := range rows {
		row["sibling"] = name
	}
	return errors.Join(s.compareSiblings(ctx, siblings, []string{name}, rows), siblings.Remove(ctx, name))
}

// makeNewcomer makes a container with LXD's defaults. A refusal is an outcome, not an error. Each
// container gets a new name, because LXD may still be busy with one that it refused to start.
func (s *scenario) makeNewcomer(ctx context.Context, level int) (*sibling.Siblings, string, error) {
	siblings, err := s.ownSiblings(ctx, level)
	if err != nil {
		return nil, "", err
	}
	s.siblingState.newcomers++
	name := fmt.Sprintf("new%d", s.siblingState.newcomers)
	_, err = siblings.Add(ctx, name, harness.LevelSpec{})
	_, err = s.note(siblings, name, err)
	return siblings, name, err
}

func (s *scenario) newcomerStops(ctx context.Context, level int, operation, reason string) error {
	_, name, err := s.makeNewcomer(ctx, level)
	if err != nil {
		return err
	}
	return s.siblingStops(name, level, operation, reason)
}

func (s *scenario) startRefused(level int, reason string) error {
	return s.siblingStops("", level, string(idmap.OpStart), reason)
}
