package steps

import (
	"context"
	"slices"

	"github.com/cucumber/godog"

	"nestbed/harness/advice"
	"nestbed/harness/bundle"
	"nestbed/harness/host/start"
	"nestbed/harness/inventory"
)

// selects reports whether the suite's Name selects a scenario.
func (s Suite) selects(sc *godog.Scenario) bool {
	return s.Name == nil || s.Name.MatchString(scenarioName(sc))
}

// named returns the scenarios that the suite's Name selects.
func (s Suite) named(all []*godog.Scenario) []*godog.Scenario {
	return slices.DeleteFunc(all, func(sc *godog.Scenario) bool { return !s.selects(sc) })
}

// List returns the names of the scenarios that the suite selects, in their order. It does not look
// at the machine.
func (s Suite) List() ([]string, error) {
	s = s.withDefaults()
	pickles, _, err := chosen(s.godogOptions())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, sc := range s.named(pickles) {
		names = append(names, scenarioName(sc))
	}
	return names, nil
}

// exclude deselects the scenarios that this machine cannot run, and those that do not hold for the
// version of the bundle, and records them as skipped.
func (r *run) exclude(ctx context.Context, all []inventory.Requirement, b *bundle.Bundle, site start.Site) error {
	pickles, positions, err := chosen(r.options)
	if err != nil {
		return err
	}
	pickles = r.suite.named(pickles)
	r.results.positions = positions
	downgrades, err := r.downgradeRequirements(ctx, pickles, site)
	if err != nil {
		return err
	}
	all = slices.Concat(all, versionRequirements(pickles, b), downgrades)
	unmet := map[string]error{}
	var impossible []string
	for _, c := range all {
		if !slices.ContainsFunc(pickles, func(p *godog.Scenario) bool { return hasTag(p, c.For) }) {
			continue
		}
		r.required = append(r.required, c)
		if !c.OK {
			r.missing = append(r.missing, c)
			impossible = append(impossible, c.For)
			unmet[c.For] = advice.On(c.Err())
		}
	}
	r.results.skip(pickles, unmet)
	r.options.Tags = excluding(r.options.Tags, impossible...)
	pickles, _, err = chosen(r.options)
	pickles = r.suite.named(pickles)
	r.selected = len(pickles)
	r.noShadow, r.tools = anyStepHas(pickles, newuidmapIs), anyStepHas(pickles, everywhere)
	return err
}
