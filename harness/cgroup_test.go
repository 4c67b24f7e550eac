package harness

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCountersAreReadOnBothCgroupVersions(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
		"memory.events":      "low 0\nhigh 0\nmax 7\noom 4\noom_kill 3\noom_group_kill 0\n",
		"memory.max":         "max\n", "memory.limit_in_bytes": "314572800\n",
		"memory.high": "0\n",
		"cpu.stat":    "nr_periods 81\nnr_throttled 72\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	v1, v2 := Cgroup{Level: 1, dir: dir}, Cgroup{Level: 1, dir: dir, unified: true}

	n, err := v1.Killed()
	require.NoError(t, err)
	assert.EqualValues(t, 2, n)
	n, err = v2.Killed()
	require.NoError(t, err)
	assert.EqualValues(t, 3, n)
	n, err = v1.MemoryLimit()
	require.NoError(t, err)
	assert.EqualValues(t, 314572800, n)
	_, err = v2.MemoryLimit()
	require.ErrorContains(t, err, `level 1: cgroup file memory.max: read "max", expected a number`, "there is no limit")
	n, err = v2.MemoryHigh()
	require.NoError(t, err)
	assert.Zero(t, n)
	_, err = v1.MemoryHigh()
	require.ErrorContains(t, err, "level 1: cgroup file memory.high: not available on cgroup v1")
	n, err = v2.Throttled()
	require.NoError(t, err)
	assert.EqualValues(t, 72, n)
	_, err = v1.Processors()
	require.ErrorContains(t, err, "cpuset.effective_cpus")
}
