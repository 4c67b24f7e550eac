package steps

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/act/systemd"
)

var systemdSteps = []step{
	{
		Then, `^systemd of level (\d+) has started all its units$`,
		"Start-up is complete, and no unit has failed.",
		func(s *scenario) any { return s.systemdRuns }, shares,
	},
	{
		Then, `^the LXD inside level (\d+) is the main process of "([^"]*)" there$`,
		"The LXD that answers is the main process of that service.",
		func(s *scenario) any { return s.lxdIsService }, shares,
	},
	{
		Then, `^systemd of level (\d+) has skipped "([^"]*)" because of an unmet condition$`,
		"The unit is loaded but inactive, because ConditionVirtualization or another condition was not met.",
		func(s *scenario) any { return s.leftOut }, shares,
	},
	{
		Then, `^systemd of level (\d+) cannot set up the credentials of "([^"]*)"$`,
		"The service failed with exit status 243, EXIT_CREDENTIALS (man 5 systemd.exec).",
		func(s *scenario) any { return s.noCredentials }, shares,
	},
}

func (s *scenario) systemdRuns(ctx context.Context, level int) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	state, failed, err := systemd.State(ctx, l)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: state of systemd (failed units: %q)", level, failed), "running", state)
}

func (s *scenario) lxdIsService(ctx context.Context, level int, service string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	pid, err := systemd.LXDPid(ctx, l)
	if err != nil {
		return err
	}
	main, err := systemd.MainPid(ctx, l, service)
	if err != nil {
		return err
	}
	return s.equal(fmt.Sprintf("level %d: main process of %s, compared with the LXD that answers", level, service), pid, main)
}

func (s *scenario) leftOut(ctx context.Context, level int, unit string) error {
	return s.unitHas(ctx, level, unit, "LoadState=loaded", "ActiveState=inactive", "ConditionResult=no")
}

func (s *scenario) noCredentials(ctx context.Context, level int, unit string) error {
	return s.unitHas(ctx, level, unit, "LoadState=loaded", "ActiveState=failed", "ExecMainStatus=243")
}

// unitHas waits until the level's systemd has started its units, and compares properties of a unit.
func (s *scenario) unitHas(ctx context.Context, level int, unit string, want ...string) error {
	l, err := s.level(ctx, level)
	if err != nil {
		return err
	}
	if _, _, err := systemd.State(ctx, l); err != nil {
		return err
	}
	var names []string
	for _, property := range want {
		name, _, _ := strings.Cut(property, "=")
		names = append(names, name)
	}
	got, err := systemd.Unit(ctx, l, unit, names...)
	if err != nil {
		return err
	}
	slices.Sort(got)
	slices.Sort(want)
	return s.equal(fmt.Sprintf("level %d: %s", level, unit), want, got)
}
