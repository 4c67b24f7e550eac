package steps

import (
	"testing"
	"testing/fstest"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
	"nestbed/harness/inventory"
	"nestbed/harness/report"
)

func TestResultsAreInTheOrderOfTheFeatures(t *testing.T) {
	var r results
	for _, id := range []string{"12", "9", "100"} {
		r.record(id, report.Scenario{Name: "one", Status: report.Passed, Error: id})
	}
	reports, b := t.TempDir(), &bundle.Bundle{LXD: "1.0"}
	dir, err := resultsDir(reports, b)
	require.NoError(t, err)
	require.NoError(t, r.run(b).Save(dir))
	run, err := report.LoadRun(dir)
	require.NoError(t, err)
	require.Len(t, run.Scenarios, 3)
	for i, want := range []string{"9", "12", "100"} {
		assert.Equal(t, want, run.Scenarios[i].Error)
	}
	_, err = resultsDir(reports+"/a,b", b)
	require.ErrorContains(t, err, "choose a directory without a comma")
}

func TestTwoRunsDoNotWriteIntoOneDirectory(t *testing.T) {
	dir := t.TempDir()
	first, err := lockResults(dir)
	require.NoError(t, err)
	_, err = lockResults(dir)
	require.ErrorContains(t, err, "reports in "+dir+": another run writes there")
	require.NoError(t, first.Close())
	again, err := lockResults(dir)
	require.NoError(t, err)
	require.NoError(t, again.Close())
}

func TestASkippedScenarioSaysHowToMeetItsRequirement(t *testing.T) {
	text := "Feature: f\n  @requires-x\n  Scenario: a\n    Given b\n"
	r := &run{options: godog.Options{FS: fstest.MapFS{"f.feature": {Data: []byte(text)}}, Paths: []string{"."}}}
	require.NoError(t, r.exclude(t.Context(), []inventory.Requirement{{For: "@requires-x", Name: "x", Found: "none", Fix: "get one", Cause: private.ErrNoSpace}}, &bundle.Bundle{}, start.Site{}))
	require.Len(t, r.results.seen, 1)
	assert.Regexp(t, "^@requires-x: x: none; .*get one, by NESTBED_STATE or --state$", r.results.seen[0].Error)
}

func TestAResultNamesItsRuleAndTheTagForOtherVersions(t *testing.T) {
	text := "Feature: f\n  Rule: R\n    # LXD 6.2 does it.\n    @since-lxd-6.2\n    Scenario: a\n      Given b\n"
	r := &run{options: godog.Options{FS: fstest.MapFS{"f.feature": {Data: []byte(text)}}, Paths: []string{"."}}}
	require.NoError(t, r.exclude(t.Context(), nil, &bundle.Bundle{LXD: "5.0.2"}, start.Site{}))
	require.Len(t, r.results.seen, 1)
	assert.Equal(t, "R", r.results.seen[0].Rule)
	assert.Equal(t, "@since-lxd-6.2", r.results.seen[0].Tag)
	assert.Equal(t, "LXD 6.2 does it.", r.results.seen[0].Fact)
}
