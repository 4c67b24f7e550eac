package scenarios_test

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/report"
	"nestbed/steps"
)

// reportsEnv names the directory for the results of a run of the features, which get one of their own below it for each
// version. Unset: they are written nowhere.
const reportsEnv = "NESTBED_REPORTS"

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
func (r *results) skip(t *testing.T, of godog.Options, lacks map[string]error) {
	t.Helper()
	read, err := godog.TestSuite{Options: &of}.RetrieveFeatures()
	require.NoError(t, err)
	for _, f := range read {
		for _, p := range f.Pickles {
			for _, tag := range p.Tags {
				if lack := lacks[tag.Name]; lack != nil {
					r.record(p.Id, report.Scenario{Name: steps.ScenarioName(p), Status: report.Skipped, Error: lack.Error()})
					break
				}
			}
		}
	}
}

// reportsDir makes the directory for the results of the bundle's version, where the environment says that there shall be
// one; else it is "".
func reportsDir(t *testing.T, b *bundle.Bundle) string {
	t.Helper()
	dir := os.Getenv(reportsEnv)
	if dir == "" {
		return ""
	}
	dir, err := filepath.Abs(filepath.Join(dir, report.Directory(b)))
	require.NoError(t, err)
	require.NotContains(t, dir, ",", "%s: godog takes what is behind a comma for another format", reportsEnv)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	return dir
}

// write writes them where the environment says.
func (r *results) write(t *testing.T, b *bundle.Bundle) {
	t.Helper()
	dir := reportsDir(t, b)
	if dir == "" {
		return
	}
	// Numbers, as text.
	slices.SortFunc(r.seen, func(a, b numbered) int { return cmp.Or(cmp.Compare(len(a.id), len(b.id)), cmp.Compare(a.id, b.id)) })
	run := report.Run{Facts: host.FactsOf(b)}
	for _, s := range r.seen {
		run.Scenarios = append(run.Scenarios, s.Scenario)
	}
	run.Sort()
	require.NoError(t, run.Save(dir))
	t.Logf("results: %s", filepath.Join(dir, report.RunFile))
}

func TestResultsStandInTheOrderOfTheFeatures(t *testing.T) {
	var r results
	for _, id := range []string{"12", "9", "100"} {
		r.record(id, report.Scenario{Name: "one", Status: report.Passed, Error: id})
	}
	t.Setenv(reportsEnv, t.TempDir())
	b := &bundle.Bundle{LXD: "1.0"}
	r.write(t, b)
	run, err := report.LoadRun(filepath.Join(os.Getenv(reportsEnv), report.Directory(b)))
	require.NoError(t, err)
	require.Len(t, run.Scenarios, 3)
	for i, want := range []string{"9", "12", "100"} {
		assert.Equal(t, want, run.Scenarios[i].Error)
	}
}
