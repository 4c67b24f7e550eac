package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/environment"
	"nestbed/harness/report"
)

func TestCompareEndsWithOneIfTheNewerRunIsWorse(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, scenarios ...report.Scenario) string {
		require.NoError(t, report.Run{Scenarios: scenarios}.Save(filepath.Join(dir, name)))
		return filepath.Join(dir, name)
	}
	passed := report.Scenario{Name: "article: Three levels", Status: report.Passed}
	failed := report.Scenario{Name: passed.Name, Status: report.Failed, Error: "level 2, create: no allocation"}
	good, bad := save("good", passed), save("bad", failed)

	for _, c := range []struct {
		old, new string
		status   int
	}{{good, good, 0}, {bad, good, 0}, {bad, bad, 0}, {good, bad, exitFailure}, {good + "," + good, good, 0}, {good, filepath.Join(dir, "gone"), exitUsage}} {
		assert.Equal(t, c.status, run(t.Context(), []string{"compare", c.old, c.new}), "%s, then %s", c.old, c.new)
	}

	file, err := os.Create(filepath.Join(dir, "out.json"))
	require.NoError(t, err)
	defer file.Close()
	cmd := newRoot(environment.Machine{})
	cmd.SetOut(file)
	cmd.SetArgs([]string{"compare", "--json", good, bad})
	require.ErrorContains(t, cmd.Execute(), "compare: the newer run is worse: in 1 of 1 scenarios")
	text, err := os.ReadFile(file.Name())
	require.NoError(t, err)
	var read report.Comparison
	require.NoError(t, json.Unmarshal(text, &read))
	assert.True(t, read.Worse)
	assert.Equal(t, []report.Difference{{
		Change: report.NewlyFailing, Scenario: passed.Name, Old: "passed", New: "failed: level 2, create: no allocation",
	}}, read.Differences)
}
