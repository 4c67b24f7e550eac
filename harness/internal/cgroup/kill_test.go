package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// realCgroups returns cgroups of this machine with a process in a cgroup below them.
func realCgroups(t *testing.T) (Groups, *exec.Cmd) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, for cgroups")
	}
	g, err := Plan(fmt.Sprint("test-", os.Getpid()))
	if err != nil {
		t.Skip(err)
	}
	require.NoError(t, g.Make())
	t.Cleanup(func() { assert.NoError(t, g.Remove(t.Context())) })
	sleep := exec.CommandContext(t.Context(), "cat")
	_, err = sleep.StdinPipe() // it is closed when this process ends, which ends cat
	require.NoError(t, err)
	require.NoError(t, sleep.Start())
	for _, dir := range g {
		below := Groups{filepath.Join(dir, "below")}
		require.NoError(t, below.Make())
		require.NoError(t, os.WriteFile(filepath.Join(below[0], "cgroup.procs"), []byte(fmt.Sprint(sleep.Process.Pid)), 0))
	}
	return g, sleep
}

func killed(t *testing.T, c *exec.Cmd) {
	t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(t, c.Wait(), &exit)
	assert.Equal(t, syscall.SIGKILL, exit.Sys().(syscall.WaitStatus).Signal())
}

func TestKillEndsAllProcessesInAndBelowTheCgroups(t *testing.T) {
	g, sleep := realCgroups(t)
	held, err := g.Hold()
	require.NoError(t, err)
	require.NoError(t, held.Kill(t.Context()), "through descriptors, as the init of a host does")
	killed(t, sleep)
	require.NoError(t, g.Kill(t.Context()), "no process is left")
}

func TestKillWorksWithoutCgroupKill(t *testing.T) {
	g, sleep := realCgroups(t)
	without := slices.DeleteFunc(slices.Clone(g), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "cgroup.kill"))
		return !errors.Is(err, fs.ErrNotExist)
	})
	if len(without) == 0 {
		t.Skip("pure cgroup v2: the kernel has one everywhere")
	}
	go func() { _ = sleep.Wait() }()
	require.NoError(t, without.Kill(t.Context()))
	pids, err := g.Processes()
	require.NoError(t, err)
	assert.Empty(t, pids)
}

func TestAProcessOutsideTheCgroupsIsNotKilled(t *testing.T) {
	g, sleep := realCgroups(t)
	other := exec.CommandContext(t.Context(), "sleep", "1000") // as if it had got the id of an ended process
	require.NoError(t, other.Start())
	require.NoError(t, g.signal([]int{other.Process.Pid, sleep.Process.Pid}))
	killed(t, sleep)
	require.NoError(t, other.Process.Signal(syscall.SIGTERM))
	var exit *exec.ExitError
	require.ErrorAs(t, other.Wait(), &exit)
	assert.Equal(t, syscall.SIGTERM, exit.Sys().(syscall.WaitStatus).Signal())
}

func TestProcessesOmitsTheCallerAndInvisibleProcesses(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(fmt.Sprintf("0\n1\n%d\n4000001\n", os.Getpid())), 0o600))
	pids, err := Groups{dir}.Processes()
	require.NoError(t, err)
	assert.Equal(t, []int{4000001}, pids)
}
