package steps

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cucumber/godog"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/report"
)

// results collects what the scenarios of a run came to.
type results struct {
	mu   sync.Mutex
	seen []numbered
}

// numbered is a scenario with the number that godog gives it, in the order in which they stand.
type numbered struct {
	id string
	report.Scenario
}

func (r *results) record(id string, s report.Scenario) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, numbered{id, s})
}

// skip records those scenarios of a run that bear one of the tags as skipped, each for the lack of what it needs.
func (r *results) skip(pickles []*godog.Scenario, lacks map[string]error) {
	for _, p := range pickles {
		for _, tag := range p.Tags {
			if lack := lacks[tag.Name]; lack != nil {
				r.record(p.Id, report.Scenario{Name: scenarioName(p), Status: report.Skipped, Error: lack.Error()})
				break
			}
		}
	}
}

// chosen returns the scenarios that godog would run.
func chosen(of godog.Options) ([]*godog.Scenario, error) {
	read, err := godog.TestSuite{Options: &of}.RetrieveFeatures()
	if err != nil {
		return nil, fmt.Errorf("features: %w", err)
	}
	var all []*godog.Scenario
	for _, f := range read {
		all = append(all, f.Pickles...)
	}
	return all, nil
}

// run returns the results in the order in which the scenarios stand.
func (r *results) run(b *bundle.Bundle) report.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Numbers, as text.
	slices.SortFunc(r.seen, func(a, b numbered) int { return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id)) })
	run := report.Run{Facts: host.FactsOf(b)}
	for _, s := range r.seen {
		run.Scenarios = append(run.Scenarios, s.Scenario)
	}
	run.Sort()
	return run
}

// resultsDir makes the directory for the results of the bundle's version below the directory of all reports; "" if
// there is none.
func resultsDir(reports string, b *bundle.Bundle) (string, error) {
	if reports == "" {
		return "", nil
	}
	dir, err := filepath.Abs(filepath.Join(reports, report.Directory(b)))
	if err != nil {
		return "", err
	}
	if strings.Contains(dir, ",") {
		return "", fmt.Errorf("reports in %s: godog takes what is behind a comma for another format; choose a directory without a comma", dir)
	}
	return dir, os.MkdirAll(dir, 0o755)
}
