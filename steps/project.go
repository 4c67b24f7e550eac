package steps

import (
	"strconv"

	"github.com/cucumber/godog"
)

var projectSteps = []step{
	{
		Given, `^the project of (the host|level \d+) has the configuration$`,
		"Configures the project in which the LXD there makes its containers, before it makes any.",
		func(s *scenario) any { return s.project }, sharesWhole,
	},
}

func (s *scenario) project(where string, table *godog.Table) error {
	above, err := place(where)
	if err != nil {
		return err
	}
	l, err := s.describe(strconv.Itoa(above + 1))
	if err != nil {
		return err
	}
	if l.Project == nil {
		l.Project = map[string]string{}
	}
	s.broken = true
	return readConfig(table, l.Project)
}
