package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/report"
)

// saved saves a run of one scenario in a directory, which it returns.
func saved(t *testing.T, dir string, s report.Scenario) string {
	t.Helper()
	s.Name = "article: Three levels"
	require.NoError(t, report.Run{Scenarios: []report.Scenario{s}}.Save(dir))
	return dir
}

func TestCompareExitsWithOneIfALaterRunIsWorse(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, s report.Scenario) string { return saved(t, filepath.Join(dir, name), s) }
	good := save("good", report.Scenario{Status: report.Passed})
	bad := save("bad", report.Scenario{Status: report.Failed, Error: "level 2, create: no allocation"})
	skipped := save("skipped", report.Scenario{Status: report.Skipped})

	for _, c := range []struct {
		runs   []string
		status int
	}{
		{[]string{good, good}, 0},
		{[]string{bad, good}, 0},
		{[]string{bad, bad}, 0},
		{[]string{good, bad}, exitFailure},
		{[]string{good + "," + good, good}, 0},
		{[]string{good, filepath.Join(dir, "gone")}, exitUsage},
		{[]string{good}, exitUsage},
		{[]string{skipped, good, bad}, exitFailure}, // each is compared with the first, not with the one before
		{[]string{skipped, good, skipped}, 0},
		{[]string{good, skipped, good}, exitFailure},
		{[]string{bad, good, bad + "," + good}, 0},
		{[]string{good, good, filepath.Join(dir, "gone")}, exitUsage},
		{slices.Repeat([]string{good}, report.MostRuns), 0},
		{slices.Repeat([]string{good}, report.MostRuns+1), exitUsage},
	} {
		status, _, stderr := nestbed(t, append([]string{"compare"}, c.runs...)...)
		assert.Equal(t, c.status, status, "%s: %s", c.runs, stderr)
	}
	for want, runs := range map[string][]string{
		"nestbed: compare: the newer run is worse: in 1 of 1 scenarios\n": {good, bad},
		"nestbed: compare: worse than a: b, d\n":                          {good, bad, good, bad},
	} {
		status, stdout, stderr := nestbed(t, append([]string{"compare", "--json"}, runs...)...)
		assert.Equal(t, exitFailure, status)
		assert.Equal(t, want, stderr)
		var read report.Comparison
		require.NoError(t, json.Unmarshal([]byte(stdout), &read))
		assert.True(t, read.Worse)
		require.Len(t, read.Columns, len(runs))
		require.Len(t, read.Rows, 1)
		assert.Equal(t, report.Cell{Status: report.Failed, Change: report.NewlyFailing, Detail: "level 2, create: no allocation"}, read.Rows[0].Cells[1])
	}
}

func TestTheComparePageShowsAllRuns(t *testing.T) {
	dir := t.TempDir()
	args := []string{"compare", "--html", filepath.Join(dir, "page.html")}
	for _, status := range []report.Status{report.Skipped, report.Passed, report.Skipped} {
		path := filepath.Join(dir, fmt.Sprint(len(args)))
		require.NoError(t, report.Run{Scenarios: []report.Scenario{{Name: "s", Status: status}}}.Save(path))
		args = append(args, path)
	}
	status, _, stderr := nestbed(t, args...)
	require.Equal(t, 0, status, stderr)
	text, err := os.ReadFile(filepath.Join(dir, "page.html"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "<dl><dt>a, c</dt><dd>skipped</dd><dt>b</dt><dd>passed</dd></dl>")
}

func TestVersionsShowsWhereABehaviorHolds(t *testing.T) {
	dir := t.TempDir()
	save := func(name string, s report.Scenario) string { return saved(t, filepath.Join(dir, name), s) }
	lxd := save("lxd", report.Scenario{Status: report.Passed, Rule: "LXD keeps the map"})
	incus := save("incus", report.Scenario{Status: report.Skipped, Rule: "LXD keeps the map", Tag: "@lxd"})
	earlier := save("earlier", report.Scenario{Status: report.Passed})

	status, stdout, stderr := nestbed(t, "versions", lxd, incus)
	require.Equal(t, 0, status, stderr)
	assert.Contains(t, stdout, "yes  no   article: LXD keeps the map\n    old (@lxd): Three levels\n")
	status, stdout, stderr = nestbed(t, "versions", "--json", lxd, incus)
	require.Equal(t, 0, status, stderr)
	var read report.Versions
	require.NoError(t, json.Unmarshal([]byte(stdout), &read))
	assert.Equal(t, []report.Count{{Passed: 1}, {Other: 1}}, read.Behaviors[0].Counts)

	for wanted, args := range map[string][]string{
		"it names no rules of features; run the scenarios again": {lxd, earlier},
		"no such file or directory":                              {lxd, filepath.Join(dir, "gone")},
		"accepts between 2 and 26 arg(s), received 1":            {lxd},
	} {
		status, _, stderr := nestbed(t, append([]string{"versions"}, args...)...)
		assert.Equal(t, exitUsage, status)
		assert.Contains(t, stderr, wanted)
	}
}
