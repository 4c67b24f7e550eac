package steps

import (
	"context"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

var nestingSteps = []step{
	{
		Given, `^level (\d+) has no security\.nesting$`,
		"The level gets no security.nesting. Without this step, levels with another level below have it.",
		func(s *scenario) any { return s.withoutNesting }, shares,
	},
	{
		Given, `^level (\d+) (gets|loses) (security\.(?:nesting|privileged)) (while it runs|and is restarted)$`,
		"Sets the key to true or removes it when the level is up, before the next level is made.",
		func(s *scenario) any { return s.flagLive }, shares,
	},
	{
		Given, `^root of level (\d+) uncovers the boot id$`,
		"Root unmounts what liblxc mounted over /proc/sys/kernel/random/boot_id when the level is up, before the next level is made.",
		func(s *scenario) any { return s.uncoverBootID }, shares,
	},
	{
		Given, `^lxcfs of the host covers files of /proc at level 1$`,
		"As on a machine with lxcfs: its hook for liblxc mounts the files when level 1 starts.",
		func(s *scenario) any { return s.withLXCFS }, shares,
	},
	{
		Then, `^security\.nesting of level (\d+) is (unset|"[^"]*")$`,
		"Reads the level's configuration from the LXD above, including profiles.",
		func(s *scenario) any { return s.nestingIs }, shares,
	},
	{
		Then, `^at level (\d+) (/\S+) is covered by (\S+)$`,
		"Checks the filesystem type of the mount on exactly that path.",
		func(s *scenario) any { return s.coveredBy }, shares,
	},
	{
		Then, `^at level (\d+) nothing covers (/\S+)$`,
		"There is no mount on exactly that path.",
		func(s *scenario) any { return s.notCovered }, shares,
	},
}

func (s *scenario) withoutNesting(level string) error {
	l, err := s.describe(level)
	if err == nil {
		l.Config[idmap.KeyNesting] = ""
	}
	return err
}

func (s *scenario) flagLive(level, what, key, when string) error {
	l, err := s.describe(level)
	if err != nil {
		return err
	}
	value := "true"
	if what == "loses" {
		value = ""
	}
	l.Live = harness.Live{
		Config: map[string]string{key: value}, Restart: when == "and is restarted", Uncover: l.Live.Uncover,
	}
	return nil
}

func (s *scenario) uncoverBootID(level string) error {
	l, err := s.describe(level)
	if err == nil {
		l.Live.Uncover = true
	}
	return err
}

func (s *scenario) withLXCFS() { s.lxcfs = true }

func (s *scenario) nestingIs(ctx context.Context, level int, wanted string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	value, set, err := harness.Configured(ctx, l, idmap.KeyNesting)
	if err != nil {
		return err
	}
	got := "unset"
	if set {
		got = fmt.Sprintf("%q", value)
	}
	return s.equal(fmt.Sprintf("level %d: %s", level, idmap.KeyNesting), wanted, got)
}

func (s *scenario) coveredBy(ctx context.Context, level int, path, wanted string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	got, err := probe.Cover(ctx, l, path)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: filesystem mounted on %s", level, path), wanted, got)
}

func (s *scenario) notCovered(ctx context.Context, level int, path string) error {
	return s.coveredBy(ctx, level, path, "")
}
