package steps

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// registerFiles registers the Givens that spell out subid files and configurations.
func (s *scenario) registerFiles(sc *godog.ScenarioContext) {
	const file = `^/etc/(subuid|subgid) of (the host|level \d+) `
	sc.Given(file+`reads( with CR LF at line ends)?$`, s.fileReads)
	sc.Given(file+`is missing$`, s.fileMissing)
	sc.Given(`^the configuration of level (\d+) is$`, s.configuration)
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
	rows, err := readTable(table, "key", "value")
	if err != nil {
		return err
	}
	for _, row := range rows {
		l.Config[row["key"]] = row["value"]
	}
	return nil
}

// describe gives the specification of a level, which the Givens fill.
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

// asDescribed is a chain of the levels that the Givens describe; those that they
// leave out hand down nothing. A description of a level that is not built is a mistake.
func (s *scenario) asDescribed(depth int) (harness.Spec, error) {
	spec := harness.Delegating(depth, nil)
	for index, l := range s.described {
		if index > depth {
			return spec, fmt.Errorf("level %d is described, but the chain has depth %d", index, depth)
		}
		spec.Levels[index-1] = *l
	}
	return spec, nil
}
