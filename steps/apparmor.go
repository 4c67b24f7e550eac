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
		"The key is not in its configuration; where LXD's own profile lets none start inside, levels that have another below them have it otherwise.",
		func(s *scenario) any { return s.withoutRawAppArmor }, shares,
	},
	{
		Then, `^AppArmor confines the inits by$`,
		"The profiles that each is in, by the container that LXD made them for: the machine's own, and those in namespaces of profiles.",
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
