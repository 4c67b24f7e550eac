package steps

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cucumber/godog"
	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/report"
)

// results collects the results of a run's scenarios.
type results struct {
	positions map[string]position // by the scenario's id
	watched   watched
	mu        sync.Mutex
	seen      []numbered
}

// numbered is a result with the scenario's id. godog numbers scenarios in the order of the
// features.
type numbered struct {
	id string
	report.Scenario
}

func (r *results) record(id string, s report.Scenario) {
	s.Rule = r.positions[id].rule
	r.mu.Lock()
	r.seen = append(r.seen, numbered{id, s})
	r.mu.Unlock()
	r.watched.call(func(w Watcher) { w.Ends(s) })
}

// skip records the scenarios with a tag in unmet as skipped, with the error for that tag.
func (r *results) skip(pickles []*godog.Scenario, unmet map[string]error) {
	for _, p := range pickles {
		for _, tag := range p.Tags {
			why := unmet[tag.Name]
			if why == nil {
				continue
			}
			s := report.Scenario{Name: scenarioName(p), Status: report.Skipped, Error: why.Error()}
			if versionTag.MatchString(tag.Name) {
				s.Tag, s.Fact = tag.Name, r.positions[p.Id].comments[tag.AstNodeId]
			}
			r.record(p.Id, s)
			break
		}
	}
}

// run returns the results in the order of the features.
func (r *results) run(b *bundle.Bundle) report.Run {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Ids are numbers as text.
	slices.SortFunc(r.seen, func(a, b numbered) int { return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id)) })
	run := report.Run{Facts: host.FactsOf(b)}
	for _, s := range r.seen {
		run.Scenarios = append(run.Scenarios, s.Scenario)
	}
	run.Sort()
	return run
}

// resultsDir makes and returns the directory for the results of the bundle's version, inside the
// reports directory. It returns "" if there is no reports directory.
func resultsDir(reports string, b *bundle.Bundle) (string, error) {
	if reports == "" {
		return "", nil
	}
	dir, err := filepath.Abs(filepath.Join(reports, report.Directory(b)))
	if err != nil {
		return "", err
	}
	if strings.Contains(dir, ",") {
		return "", fmt.Errorf("reports in %s: godog treats the text after a comma as another format; choose a directory without a comma", dir)
	}
	return dir, os.MkdirAll(dir, 0o755)
}

// lockResults locks a directory of results until it is closed. It fails if another run writes
// there: the results of one of them would be lost.
func lockResults(dir string) (io.Closer, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("reports in %s: another run writes there (%w); wait for it, or choose another directory", dir, err), d.Close())
	}
	return d, nil
}
