package steps

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/report"
)

func TestResultsStandInTheOrderOfTheFeatures(t *testing.T) {
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
