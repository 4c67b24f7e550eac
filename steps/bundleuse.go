package steps

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"

	"nestbed/harness/bundle"
)

// Names in scenarios of the two bundles that a comparison of versions is about.
const (
	oldVersion = "the old version"
	newVersion = "the new version"
)

// namedBundle matches the name of a Debian bundle in a scenario, including its options.
var namedBundle = regexp.MustCompile(`debian:[a-z]+(?:` + bundle.IncusSuffix + `)?(?:,[a-z-]+)*`)

// Bundles returns the sources of all bundles that the suite, the environment and the selected
// scenarios name. Another machine needs them to run the suite.
func (s Suite) Bundles() ([]bundle.Source, error) {
	settings, err := s.settings()
	if err != nil {
		return nil, err
	}
	pickles, _, err := chosen(s.withDefaults().godogOptions())
	if err != nil {
		return nil, err
	}
	var sources []bundle.Source
	add := func(source bundle.Source) {
		if source.Kind != "" && !slices.Contains(sources, source) {
			sources = append(sources, source)
		}
	}
	add(settings.Bundle)
	for _, p := range s.named(pickles) {
		text, err := json.Marshal(p.Steps)
		if err != nil {
			return nil, err
		}
		for _, name := range namedBundle.FindAllString(string(text), -1) {
			source, err := bundle.ParseSource(name)
			if err != nil {
				return nil, err
			}
			add(source)
		}
		if strings.Contains(string(text), oldVersion) {
			add(settings.Old)
		}
		if strings.Contains(string(text), newVersion) {
			add(settings.New)
		}
	}
	slices.SortFunc(sources, func(a, b bundle.Source) int { return strings.Compare(a.String(), b.String()) })
	return sources, nil
}

// anyStepHas reports whether any step of the scenarios contains the text.
func anyStepHas(scenarios []*godog.Scenario, text string) bool {
	return slices.ContainsFunc(scenarios, func(p *godog.Scenario) bool {
		return slices.ContainsFunc(p.Steps, func(s *godog.Step) bool { return strings.Contains(s.Text, text) })
	})
}
