package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

func TestARunIsReadBackAsItWasSaved(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "lxd-5.0.2")
	r := run(passed("a", up(500000), 1.5), Scenario{Name: "b", Status: Skipped, Error: "no fuse"},
		Scenario{Name: "c", Status: Failed, Stop: &idmap.Stop{Level: 1, Op: idmap.OpStart, Reason: idmap.DiskFull}, Error: "e", Diagnosis: []string{"d"}})
	require.NoError(t, r.Save(dir))
	for _, path := range []string{dir, filepath.Join(dir, RunFile)} {
		got, err := LoadRun(path)
		require.NoError(t, err)
		assert.Equal(t, r, got)
	}
}

func TestAnInvalidRunFileIsRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                   "unexpected end of JSON input",
		"[]":                 "cannot unmarshal array",
		"{}":                 "no scenarios in it",
		`{"scenarios":[{}]}`: `scenario "": empty or duplicate name`,
		`{"scenarios":[{"name":"a","status":"passed"},{"name":"a","status":"passed"}]}`: `scenario "a": empty or duplicate name`,
		`{"scenarios":[{"name":"a","status":"green"}]}`:                                 `status "green": expected passed, failed or skipped`,
	} {
		path := filepath.Join(t.TempDir(), "r.json")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := LoadRun(path)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, path)
	}
	_, err := LoadRun(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "give a directory of reports")
}

func TestRowsWithTheSameNameAreNumberedInOrder(t *testing.T) {
	r := run(passed("b", nil, 1), passed("a", nil), passed("b", nil, 2), passed("b", nil, 3))
	r.Sort()
	var names []string
	for _, s := range r.Scenarios {
		names = append(names, s.Name)
	}
	assert.Equal(t, []string{"a", "b", "b #2", "b #3"}, names)
	assert.Equal(t, []float64{3}, r.Scenarios[3].Seconds)
}

func TestRunsOfOneVersionAreMergedAndAFailureWins(t *testing.T) {
	first := run(passed("a", nil, 1), passed("b", nil, 1))
	second := run(Scenario{Name: "a", Status: Failed, Seconds: []float64{2}, Error: "why"}, passed("b", nil, 2))
	for _, runs := range [][2]Run{{first, second}, {second, first}} {
		both, err := runs[0].merge(runs[1])
		require.NoError(t, err)
		assert.Equal(t, Failed, both.Scenarios[0].Status)
		assert.ElementsMatch(t, []float64{1, 2}, both.Scenarios[0].Seconds)
		assert.Equal(t, Passed, both.Scenarios[1].Status)
	}
	other := second
	other.Facts.Kernel = "6.12"
	_, err := first.merge(other)
	require.ErrorContains(t, err, "different versions or machines")
}

func TestSeveralRunsAreReadAsOne(t *testing.T) {
	dirs := []string{t.TempDir(), t.TempDir(), t.TempDir()}
	for i, dir := range dirs {
		require.NoError(t, run(passed("a", nil, float64(i))).Save(dir))
	}
	all, err := LoadRuns(dirs)
	require.NoError(t, err)
	assert.Equal(t, []float64{0, 1, 2}, all.Scenarios[0].Seconds)
	_, err = LoadRuns([]string{dirs[0], "gone"})
	require.ErrorContains(t, err, "gone")
}

func TestADirectoryIsNamedByThePackage(t *testing.T) {
	for want, b := range map[string]bundle.Bundle{
		"lxd-5.0.2+git20231211.1364ae4-9+deb13u1": {Package: "lxd 5.0.2+git20231211.1364ae4-9+deb13u1", LXD: "5.0.2"},
		"LXD-5.21.3":      {LXD: "5.21.3"},
		"Incus-6.0.4":     {LXD: "6.0.4", Flavor: idmap.Incus},
		"LXD-..-..-etc-x": {LXD: "../../etc/x"},
	} {
		got := Directory(&b)
		assert.Equal(t, want, got)
		assert.Equal(t, filepath.Base(got), got, "a single path element")
	}
}
