package steps

import (
	"context"
	"regexp"

	"nestbed/harness"
	"nestbed/harness/act/upgrade"
	"nestbed/harness/bundle"
)

var upgradeSteps = []step{
	{
		Given, `^the LXD of (the host|level \d+) has been replaced by that of "([^"]*)"$`,
		"As the chain ran: files of the bundle took the places of those that were there, and its LXD that of the one before.",
		func(s *scenario) any { return s.replaced }, changes,
	},
	{
		When, `^the LXD of (the host|level \d+) is replaced by that of "([^"]*)"$`,
		"As the chain runs: files of the bundle take the places of those that are there, and its LXD that of the one before.",
		func(s *scenario) any { return s.replace }, changes,
	},
	{
		When, `^the LXD of (the host|level \d+) is replaced by that of "([^"]*)", which is killed as it first comes up$`,
		"It is killed as soon as it answers, without a wait for it to be ready; the one that takes its place is the same again.",
		func(s *scenario) any { return s.replaceInterrupted }, changes,
	},
	{
		Given, `^the LXD of level (\d+) has become the Incus of "([^"]*)" by lxd-to-incus$`,
		"As the chain ran: the Incus was installed beside it, and the tool, which comes with it, moved everything over.",
		func(s *scenario) any { return s.migrated }, changes,
	},
	{
		When, `^the LXD of level (\d+) becomes the Incus of "([^"]*)" by lxd-to-incus$`,
		"As the chain runs: the Incus is installed beside it, and the tool, which comes with it, stops LXD and what runs inside, moves everything over and has Incus start it again.",
		func(s *scenario) any { return s.migrate }, changes,
	},
	{
		Given, `^what the LXD of (the host|level \d+) keeps about its containers among its logs has been lost$`,
		"The directories below /var/log/lxd, as the chain ran.",
		func(s *scenario) any { return s.logsLost }, changes,
	},
	{
		When, `^what the LXD of (the host|level \d+) keeps about its containers among its logs is lost$`,
		"The directories below /var/log/lxd, as the chain runs.",
		func(s *scenario) any { return s.logsLost }, changes,
	},
	{
		When, becomes + `, and its LXD is replaced by that of "([^"]*)"$`,
		"Both files are rewritten as the chain runs, then the LXD is replaced by the bundle's.",
		func(s *scenario) any { return s.reallocateAndReplace }, changes,
	},
	{
		Then, `^no program can be run in level (\d+): "([^"]*)"$`,
		"The LXD above it is asked to; a regular expression of its words.",
		func(s *scenario) any { return s.runsNothing }, shares,
	},
	{
		Then, `^the LXD of (the host|level \d+) is that of "([^"]*)"$`,
		"The program that runs there is the bundle's, byte for byte, as versions of some call themselves the same.",
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

func (s *scenario) replace(ctx context.Context, where, source string) error {
	if _, err := s.prepared(ctx); err != nil {
		return err
	}
	return s.replaced(ctx, where, source)
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
		return unlike("level %d: run a program: wanted %q, got %w", level, words, err)
	}
	return nil
}

func (s *scenario) lxdOf(ctx context.Context, where, source string) error {
	level, err := place(where)
	if err != nil {
		return err
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
