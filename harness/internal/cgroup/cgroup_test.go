package cgroup

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Most operations on a cgroup are operations on a directory, so these tests use ordinary ones.

func TestACgroupIsRemovedWithAllBelowIt(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "nestbed-x")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "lxc.payload.c1/system/a"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "lxc.payload.c1/system/b"), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "lxc.monitor.c1"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(parent, "nestbed-y"), 0o755))
	require.NoError(t, removeCgroup(dir))
	assert.NoDirExists(t, dir)
	assert.DirExists(t, filepath.Join(parent, "nestbed-y"), "another host's cgroup stays")
	require.NoError(t, removeCgroup(dir), "a missing cgroup is not an error")
}

func TestACgroupThatTheKernelHoldsIsAnErrorAndNothingInItIsDeleted(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nestbed-x")
	file := filepath.Join(dir, "sub/cgroup.procs") // a file keeps an ordinary directory from being removed, as a process does a cgroup
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	err := removeCgroup(dir)
	require.ErrorIs(t, err, unix.ENOTEMPTY)
	require.EqualError(t, err, "rmdir "+filepath.Dir(file)+": directory not empty")
	assert.FileExists(t, file)
}

func TestEveryCgroupIsRemovedEvenIfOneIsGone(t *testing.T) {
	parent := t.TempDir()
	g := Groups{filepath.Join(parent, "a/nestbed-x"), filepath.Join(parent, "gone/nestbed-x"), filepath.Join(parent, "b/nestbed-x")}
	require.NoError(t, os.MkdirAll(g[0], 0o755))
	require.NoError(t, os.MkdirAll(g[2], 0o755))
	require.NoError(t, g.Remove(t.Context()))
	for _, dir := range g {
		assert.NoDirExists(t, dir)
	}
	require.NoError(t, Groups(nil).Remove(t.Context()), "a host may have ended before it had cgroups")
}

func TestANewCgroupHasTheProcessorsAndMemoryOfItsParent(t *testing.T) {
	parent := t.TempDir()
	v1, v2 := filepath.Join(parent, "cpuset"), filepath.Join(parent, "unified")
	require.NoError(t, os.Mkdir(v1, 0o755))
	require.NoError(t, os.Mkdir(v2, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(v1, "cpuset.cpus"), []byte("0-1\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(v1, "cpuset.mems"), []byte("0\n"), 0o644))
	// On v2 they are empty, because the kernel inherits the values itself.
	require.NoError(t, os.WriteFile(filepath.Join(v2, "cpuset.cpus"), []byte("\n"), 0o644))
	g := Groups{filepath.Join(v1, "nestbed-x"), filepath.Join(v2, "nestbed-x")}
	require.NoError(t, g.Make())
	for file, want := range map[string]string{"cpuset.cpus": "0-1\n", "cpuset.mems": "0\n"} {
		path := filepath.Join(g[0], file)
		require.NoError(t, os.Chmod(path, 0o600)) // cgroupfs creates the file itself, with its own mode
		value, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, want, string(value))
	}
	entries, err := os.ReadDir(g[1])
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestMakeRefusesAnExistingCgroup(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nestbed-x")
	require.NoError(t, os.Mkdir(dir, 0o755))
	err := Groups{dir}.Make()
	require.ErrorIs(t, err, os.ErrExist)
	assert.ErrorContains(t, err, "cgroup: mkdir "+dir)
}

func TestAHostIsPlannedIntoEveryHierarchyOnce(t *testing.T) {
	mounts, err := hierarchies()
	require.NoError(t, err)
	if len(mounts) == 0 {
		_, err := Plan("x")
		require.EqualError(t, err, "no cgroup hierarchy is mounted on this machine; mount one on /sys/fs/cgroup")
		return
	}
	g, err := Plan("x")
	require.NoError(t, err)
	require.Len(t, g, len(mounts))
	devices := map[[2]int]bool{}
	for i, m := range mounts {
		assert.Contains(t, []string{"cgroup", "cgroup2"}, m.FSType)
		assert.Equal(t, filepath.Join(m.Mountpoint, "nestbed-x"), g[i])
		devices[[2]int{m.Major, m.Minor}] = true
	}
	assert.Len(t, devices, len(mounts), "a hierarchy that is mounted twice is one")

	layout, err := Layout()
	require.NoError(t, err)
	assert.Contains(t, []string{"v1", "hybrid", "v2"}, layout)
}

func TestEveryFrozenCgroupIsThawed(t *testing.T) {
	parent := t.TempDir()
	g := Groups{filepath.Join(parent, "freezer/nestbed-x"), filepath.Join(parent, "gone/nestbed-x")}
	states := []string{filepath.Join(g[0], "freezer.state"), filepath.Join(g[0], "lxc.payload.c1/lxc.payload.c2/freezer.state")}
	for _, file := range states {
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte("FROZEN"), 0o644))
	}
	require.NoError(t, g.Thaw())
	for _, file := range states {
		state, err := os.ReadFile(file)
		require.NoError(t, err)
		assert.Equal(t, "THAWED", string(state), file)
	}
}
