package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/simulate"
)

// costsIn writes a file of costs in the format of simulate --json.
func costsIn(t *testing.T, spoil func(*simulate.Cost)) string {
	t.Helper()
	s := simulated{Cost: simulate.Cost{
		Machine: "LXD 5.0.2, 2 processors", Depth: 3, Processors: 2, Loads: []simulate.Load{{Chains: 1, Seconds: 3, MemoryMB: 170}, {Chains: 4, Seconds: 8, MemoryMB: 530}}, MemberCPUSeconds: 4, RunnerCPUSeconds: 0.5,
		DiskMB: 300, IdleMemoryMB: 50, IdleDiskMB: 100, ImageMB: 25,
	}}
	spoil(&s.Cost)
	text, err := json.Marshal(s)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "lab.json")
	require.NoError(t, os.WriteFile(file, text, 0o644))
	return file
}

func TestAForecastShowsTimeMemoryDiskAndIDs(t *testing.T) {
	file := costsIn(t, func(*simulate.Cost) {})
	status, stdout, stderr := nestbed(t, "simulate", "--costs", file, "--members", "10", "--chains", "1000", "--processors", "4", "--runner-processors", "8")
	assert.Empty(t, stderr)
	assert.Equal(t, 0, status)
	assert.Equal(t, `1000 chains of depth 3 on 10 members, 8 at a time on each

wall time   5m3s, bound by the processors of the first member
a member    100 chains at most; 4 processors, busy 50 %; the first one, which has the database, 100 %
            memory 1.0 GB, of which LXD holds 0.1 GB
            disk 3.1 GB
            1638401 ids: root:500000:1638401 in /etc/subuid and /etc/subgid
the runner  8 processors, busy 21 %
measured    LXD 5.0.2, 2 processors
            1 at a time: each takes 3.0 s, and the member holds 0.2 GB of memory
            4 at a time: each takes 8.0 s, and the member holds 0.5 GB of memory
a level     1.0 s alone, 40 MB of memory, 100 MB of disk; 1.3 s of a member's processors, 0.17 s of the runner's
`, stdout)
}

func TestCostsAreReadFromAForecastAsJSON(t *testing.T) {
	file := costsIn(t, func(*simulate.Cost) {})
	_, first, _ := nestbed(t, "simulate", "--costs", file, "--json", "--memory", "0.2", "--processors", "16")
	again := filepath.Join(t.TempDir(), "again.json")
	require.NoError(t, os.WriteFile(again, []byte(first), 0o644))
	_, second, _ := nestbed(t, "simulate", "--costs", again, "--json", "--memory", "0.2", "--processors", "16")
	assert.Equal(t, first, second)
	var s simulated
	require.NoError(t, json.Unmarshal([]byte(first), &s))
	assert.Equal(t, 1, s.Forecast.AtOnce)
	assert.InDelta(t, 200, s.Lab.MemoryMB, 1e-9)
}

func TestInvalidCostsAreRefused(t *testing.T) {
	good := func(*simulate.Cost) {}
	empty := filepath.Join(t.TempDir(), "empty")
	require.NoError(t, os.WriteFile(empty, nil, 0o644))
	none := costsIn(t, func(c *simulate.Cost) { c.RunnerCPUSeconds = 0 })
	deep := costsIn(t, good)
	for want, args := range map[string][]string{
		empty + ": unexpected end of JSON input; write one with nestbed simulate --json":                                  {"--costs", empty},
		none + ": runner_cpu_seconds: read 0, expected a measured figure above 0; write one with nestbed simulate --json": {"--costs", none},
		deep + ": measured at depth 3, expected depth 4; leave --depth out, or measure without --costs":                   {"--costs", deep, "--depth", "4"},
		"nestbed: memory: a member has 150 MB, but LXD and a chain of depth 3 need 170; give it more\n":                   {"--costs", deep, "--memory", "0.15"},
		"nestbed: --bundle: with --costs nothing is measured; leave one of them out\n":                                    {"--costs", deep, "--bundle", "installed"},
	} {
		status, stdout, stderr := nestbed(t, append([]string{"simulate"}, args...)...)
		assert.Equal(t, 2, status)
		assert.Contains(t, stderr, want)
		assert.Empty(t, stdout)
	}
}
