package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/report"
)

func TestTheTimeLeftIsByEarlierRuns(t *testing.T) {
	reports := t.TempDir()
	earlier := report.Run{Scenarios: []report.Scenario{
		{Name: "f: one", Status: report.Passed, Seconds: []float64{1, 2}},
		{Name: "f: two", Status: report.Passed, Seconds: []float64{5}},
		{Name: "f: three", Status: report.Failed, Seconds: []float64{60}}, // stopped early, or waited for what never came
	}}
	require.NoError(t, earlier.Save(filepath.Join(reports, "lxd-5.0.2")))
	require.NoError(t, os.Mkdir(filepath.Join(reports, "broken"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(reports, "broken", report.RunFile), []byte("{"), 0o600))

	p := newPace([]string{"f: one", "f: two", "f: three", "f: new"}, reports)
	assert.EqualValues(t, 3000+5000+4000+4000, p.total(), "those without an earlier time take the mean")
	p.skipped["f: two"] = true
	assert.EqualValues(t, 11000, p.total())
	assert.EqualValues(t, 3000, p.of("f: one"))

	none := newPace([]string{"f: one", "f: two"}, filepath.Join(reports, "missing"))
	assert.Equal(t, none.of("f: one"), none.of("f: two"))
	assert.Equal(t, 2*none.of("f: one"), none.total())
}
