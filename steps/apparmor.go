package steps

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/cucumber/godog"

	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

var appArmorSteps = []step{
	{
		Given, `^level (\d+) has no rules in raw\.apparmor$`,
		"The level gets no raw.apparmor. Without this step, levels with another level below get a rule if LXD's own profile would not let that level start.",
		func(s *scenario) any { return s.withoutRawAppArmor }, shares,
	},
	{
		Then, `^the AppArmor profiles of the init processes are$`,
		"Lists all profiles that confine the init of each level, each named after the container that LXD made it for. The namespace is empty for the machine's own profile namespace.",
		func(s *scenario) any { return s.confinedBy }, shares,
	},
}

func (s *scenario) withoutRawAppArmor(level string) error {
	l, err := s.describe(level)
	if err == nil {
		l.Config[idmap.KeyRawAppArmor] = ""
	}
	return err
}

// confinedBy compares all profiles of each level.
func (s *scenario) confinedBy(ctx context.Context, table *godog.Table) error {
	rows, err := readTable(table, "level", "namespace", "profile")
	if err != nil {
		return err
	}
	wanted := map[int][]probe.Confinement{}
	var order []int
	for _, row := range rows {
		level, err := strconv.Atoi(row["level"])
		if err != nil {
			return err
		}
		if wanted[level] == nil {
			order = append(order, level)
		}
		wanted[level] = append(wanted[level], probe.Confinement{Namespace: row["namespace"], Profile: row["profile"]})
	}
	var differ []error
	for _, level := range order {
		l, err := s.level(ctx, level)
		if err != nil {
			return err
		}
		got, err := probe.ConfinementOf(l)
		if err != nil {
			return err
		}
		differ = append(differ, s.equal(fmt.Sprintf("level %d: {namespace profile} of its init", level), wanted[level], got))
	}
	return errors.Join(differ...)
}
