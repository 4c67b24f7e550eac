package steps

import (
	"context"
	"fmt"
	"strings"
)

var systemdSteps = []step{
	{
		Then, `^all that systemd of level (\d+) starts runs$`,
		"It has started everything that it starts, and no unit has failed.",
		func(s *scenario) any { return s.systemdRuns },
	},
	{
		Then, `^the LXD inside level (\d+) is the main process of "([^"]*)" there$`,
		"The LXD that answers is the one that systemd keeps as that service.",
		func(s *scenario) any { return s.lxdIsService },
	},
	{
		Then, `^systemd of level (\d+) has left out "([^"]*)", whose conditions no container meets$`,
		"The unit is wanted, and its ConditionVirtualization or another condition was not met.",
		func(s *scenario) any { return s.leftOut },
	},
}

func (s *scenario) systemdRuns(ctx context.Context, level int) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	state, failed, err := l.Systemd(ctx)
	if err != nil {
		return err
	}
	if state != "running" {
		return fmt.Errorf("level %d: systemd is %s, expected running; failed: %q", level, state, failed)
	}
	return nil
}

func (s *scenario) lxdIsService(ctx context.Context, level int, service string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	pid, err := l.LXDPid()
	if err != nil {
		return err
	}
	main, err := l.MainPid(ctx, service)
	if err != nil {
		return err
	}
	if pid != main {
		return fmt.Errorf("level %d: the LXD that answers is process %d, and %s has %d", level, pid, service, main)
	}
	return nil
}

func (s *scenario) leftOut(ctx context.Context, level int, unit string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	var got []string
	for _, property := range []string{"LoadState", "ActiveState", "ConditionResult"} {
		value, err := l.Unit(ctx, unit, property)
		if err != nil {
			return err
		}
		got = append(got, value)
	}
	if strings.Join(got, " ") != "loaded inactive no" {
		return fmt.Errorf("level %d: %s: LoadState, ActiveState and ConditionResult are %q, expected loaded, inactive and no", level, unit, got)
	}
	return nil
}
