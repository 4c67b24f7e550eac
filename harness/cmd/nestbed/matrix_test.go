package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/report"
)

func TestMatrixEndsWithOneIfAScenarioFailedInAnyRun(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, status report.Status) string {
		path := filepath.Join(dir, name)
		require.NoError(t, report.Run{Scenarios: []report.Scenario{{Name: "article: Three levels", Status: status}}}.Save(path))
		return path
	}
	good, bad, skipped := save("good", report.Passed), save("bad", report.Failed), save("skipped", report.Skipped)
	for _, c := range []struct {
		runs   []string
		status int
	}{
		{[]string{good, skipped, good}, 0},
		{[]string{good, bad}, exitFailure},
		{[]string{bad, bad}, exitFailure},
		{[]string{good}, exitUsage},
		{[]string{good, filepath.Join(dir, "gone")}, exitUsage},
	} {
		assert.Equal(t, c.status, run(t.Context(), append([]string{"matrix"}, c.runs...)), "%s", c.runs)
	}
}
