package steps

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"nestbed/harness"
	"nestbed/harness/act/upgrade"
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

var upgradeSteps = []step{
	{
		Given, `^the LXD of (the host|level \d+) has been replaced by that of "([^"]*)"$`,
		"The bundle's files have replaced those that were there, and its LXD has replaced the previous one, while the chain ran.",
		func(s *scenario) any { return s.replaced }, changesWhole,
	},
	{
		Given, `^the LXD of (the host|level \d+) has been replaced by that of "([^"]*)", which does not run$`,
		"The bundle's files have replaced those that were there while the chain ran, and its LXD ends at its start.",
		func(s *scenario) any { return s.replacedInVain }, changesWhole,
	},
	{
		When, `^the LXD of (the host|level \d+) is replaced by that of "([^"]*)"$`,
		"The bundle's files replace those that are there, and its LXD replaces the previous one, while the chain runs.",
		func(s *scenario) any { return s.replace }, changesWhole,
	},
	{
		When, `^the LXD of (the host|level \d+) is replaced by that of "([^"]*)", which is killed when it first answers$`,
		"Kills the new LXD as soon as it answers, before it is ready, and starts it again.",
		func(s *scenario) any { return s.replaceInterrupted }, changesWhole,
	},
	{
		Given, `^lxd-to-incus has migrated the LXD of level (\d+) to the Incus of "([^"]*)"$`,
		"Incus was installed beside LXD while the chain ran. Its tool lxd-to-incus has moved everything to Incus.",
		func(s *scenario) any { return s.migrated }, changesWhole,
	},
	{
		When, `^lxd-to-incus migrates the LXD of level (\d+) to the Incus of "([^"]*)"$`,
		"Installs Incus beside LXD while the chain runs. Its tool lxd-to-incus stops LXD and its containers, moves everything to Incus, and Incus starts the containers again.",
		func(s *scenario) any { return s.migrate }, changesWhole,
	},
	{
		Given, `^the LXD of (the host|level \d+) has lost the log directories of its containers$`,
		"The directories below /var/log/lxd were deleted while the chain ran.",
		func(s *scenario) any { return s.logsLost }, changes,
	},
	{
		When, `^the LXD of (the host|level \d+) loses the log directories of its containers$`,
		"Deletes the directories below /var/log/lxd while the chain runs.",
		func(s *scenario) any { return s.logsLost }, changes,
	},
	{
		When, becomes + `, and its LXD is replaced by that of "([^"]*)"$`,
		"Rewrites both files while the chain runs, then replaces the LXD by the bundle's.",
		func(s *scenario) any { return s.reallocateAndReplace }, changesWhole,
	},
	{
		Then, `^the LXD of (the host|level \d+) does not run for the reason "([^"]*)"$`,
		"The LXD that replaced another one ends at its start. The reason is one of nestbed's reasons.",
		func(s *scenario) any { return s.doesNotRun }, shares,
	},
	{
		Then, `^LXD cannot run a program in level (\d+): "([^"]*)"$`,
		"The LXD above fails to run a program there. Its error matches the regular expression.",
		func(s *scenario) any { return s.runsNothing }, shares,
	},
	{
		Then, `^every level keeps running without it$`,
		"The init of every level is the same process as before the When step. The LXD of a level need not answer.",
		func(s *scenario) any { return s.sameInitsNow }, shares,
	},
	{
		Then, `^LXD can run a program in level (\d+)$`,
		"The LXD above runs a program there.",
		func(s *scenario) any { return s.runsPrograms }, shares,
	},
	{
		Then, `^the LXD of (the host|level \d+) is that of "([^"]*)"$`,
		"The running program is the bundle's, byte for byte, because different builds can report the same version.",
		func(s *scenario) any { return s.lxdOf }, shares,
	},
}

func (s *scenario) replaced(ctx context.Context, where, source string) error {
	return s.swap(ctx, where, source, upgrade.Replace)
}

// swap replaces the LXD at a place by calling replace.
func (s *scenario) swap(ctx context.Context, where, source string, replace func(context.Context, *harness.Chain, int, *bundle.Bundle) error) error {
	b, err := s.pool.named(ctx, source)
	if err != nil {
		return err
	}
	chain, level, err := s.ownAt(ctx, where)
	if err != nil {
		return err
	}
	return replace(ctx, chain, level, b)
}

// replace replaces an LXD. A next one that does not run is an outcome, not an error.
func (s *scenario) replace(ctx context.Context, where, source string) error {
	if _, err := s.prepared(ctx); err != nil {
		return err
	}
	err := s.replaced(ctx, where, source)
	var stopped *harness.LevelError
	if !errors.As(err, &stopped) {
		return err
	}
	s.did = stopped
	return nil
}

func (s *scenario) replacedInVain(ctx context.Context, where, source string) error {
	err := s.replaced(ctx, where, source)
	var stopped *harness.LevelError
	if errors.As(err, &stopped) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("the LXD of %s: replaced by that of %q: wanted one that does not run, but it answers", where, source)
	}
	return err
}

func (s *scenario) doesNotRun(where, reason string) error {
	level, err := place(where)
	if err != nil {
		return err
	}
	why, err := idmap.ParseReason(reason)
	if err != nil {
		return err
	}
	wanted := idmap.Stop{Level: level, Op: idmap.OpReplace, Reason: why}
	got, stopped := s.did.(*harness.LevelError)
	if !stopped {
		return mismatchf("wanted a stop at %s, but the next LXD runs", &wanted)
	}
	if got.Stop != wanted {
		return mismatchf("wanted a stop at %s, got %w", &wanted, got)
	}
	return nil
}

func (s *scenario) migrated(ctx context.Context, level int, source string) error {
	if err := s.migrate(ctx, level, source); err != nil {
		return err
	}
	return s.reattach(ctx, len(s.chain.Levels))
}

func (s *scenario) migrate(ctx context.Context, level int, source string) error {
	from, err := s.pool.source(source)
	if err != nil {
		return err
	}
	from.Migration = true
	b, err := s.pool.bundle(ctx, from)
	if err != nil {
		return err
	}
	chain, err := s.prepared(ctx)
	if err != nil {
		return err
	}
	return upgrade.ToIncus(ctx, chain, level, b)
}

func (s *scenario) reallocateAndReplace(ctx context.Context, where, text, source string) error {
	if err := s.reallocate(ctx, where, text); err != nil {
		return err
	}
	return s.replaced(ctx, where, source)
}

func (s *scenario) replaceInterrupted(ctx context.Context, where, source string) error {
	if _, err := s.prepared(ctx); err != nil {
		return err
	}
	return s.swap(ctx, where, source, upgrade.ReplaceInterrupted)
}

func (s *scenario) logsLost(ctx context.Context, where string) error {
	chain, level, err := s.ownAt(ctx, where)
	if err != nil {
		return err
	}
	return upgrade.LoseLogs(ctx, chain, level)
}

func (s *scenario) runsNothing(ctx context.Context, level int, words string) error {
	expected, err := regexp.Compile(words)
	if err != nil {
		return err
	}
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	if _, err = l.Exec(ctx, "true"); err == nil || !expected.MatchString(err.Error()) {
		return mismatchf("level %d: run a program: wanted %q, got %w", level, words, err)
	}
	return nil
}

func (s *scenario) runsPrograms(ctx context.Context, level int) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	if _, err := l.Exec(ctx, "true"); err != nil {
		return mismatchf("level %d: run a program: %w", level, err)
	}
	return nil
}

func (s *scenario) lxdOf(ctx context.Context, where, source string) error {
	level, err := place(where)
	if err != nil {
		return err
	}
	if stopped, is := s.did.(*harness.LevelError); is {
		return mismatchf("the LXD of %s: wanted that of %q, but it does not run: %w", where, source, stopped)
	}
	b, err := s.pool.named(ctx, source)
	if err != nil {
		return err
	}
	chain, err := s.look(ctx)
	if err != nil {
		return err
	}
	return s.hold(upgrade.CheckProgram(ctx, chain, level, b))
}
