package steps

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

const subidFile = `^/etc/(subuid|subgid) of (the host|level \d+) `

var fileSteps = []step{
	{
		Given, subidFile + `reads( with CRLF line endings)?$`,
		"Sets the complete text of the file.",
		func(s *scenario) any { return s.fileReads }, shares,
	},
	{
		Given, subidFile + `is missing$`,
		"The file does not exist.",
		func(s *scenario) any { return s.fileMissing }, shares,
	},
	{
		Given, `^the configuration of level (\d+) is$`,
		"Sets keys of the container's configuration, in addition to those that every level has.",
		func(s *scenario) any { return s.configuration }, shares,
	},
}

func (s *scenario) fileReads(file, where, crlf string, text *godog.DocString) error {
	content := text.Content + "\n"
	if text.Content == "" {
		content = ""
	}
	if crlf != "" {
		content = strings.ReplaceAll(content, "\n", "\r\n")
	}
	return s.setFile(file, where, idmap.File{Text: content})
}

func (s *scenario) fileMissing(file, where string) error {
	return s.setFile(file, where, idmap.File{Missing: true})
}

func (s *scenario) setFile(file, where string, f idmap.File) error {
	d := &s.allocation
	if number, ok := strings.CutPrefix(where, "level "); ok {
		l, err := s.describe(number)
		if err != nil {
			return err
		}
		if l.Delegation == nil {
			l.Delegation = &idmap.Delegation{}
		}
		d = l.Delegation
	}
	if file == "subuid" {
		d.UID = f
	} else {
		d.GID = f
	}
	return nil
}

func (s *scenario) configuration(level string, table *godog.Table) error {
	l, err := s.describe(level)
	if err != nil {
		return err
	}
	return readConfig(table, l.Config)
}

// readConfig adds the keys and values of a table to a configuration.
func readConfig(table *godog.Table, config map[string]string) error {
	rows, err := readTable(table, "key", "value")
	for _, row := range rows {
		config[row["key"]] = row["value"]
	}
	return err
}

// describe returns the specification of a level, which Given steps fill in.
func (s *scenario) describe(level string) (*harness.LevelSpec, error) {
	index, err := strconv.Atoi(level)
	if err != nil || index < 1 || index > harness.MaxDepth {
		return nil, fmt.Errorf("level %q: out of range; a chain has 1 to %d levels", level, harness.MaxDepth)
	}
	if s.described == nil {
		s.described = map[int]*harness.LevelSpec{}
	}
	if s.described[index] == nil {
		s.described[index] = &harness.LevelSpec{Config: map[string]string{}}
	}
	return s.described[index], nil
}
