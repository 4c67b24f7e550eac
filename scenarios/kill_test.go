package scenarios_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
	"nestbed/steps"
)

var kills = flag.Int("kills", 2, "number of kills in TestAKilledRunLeavesNothingRunning, for each kind of run")

func TestAKilledRunLeavesNothingRunning(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	harnesstest.Bundle(t, source)
	for i := range 2 * *kills {
		order := childOrder{Source: source.String(), Depth: 3, SharePIDs: i%2 == 1}
		t.Run(fmt.Sprintf("%d, pids shared: %t", i/2, order.SharePIDs), func(t *testing.T) {
			name := killInLevel2(t, order, time.Duration(i/2*100)*time.Millisecond)
			requireNoProcess(t, name)
			assert.Empty(t, takeInventory(t, name).Mounts)
			requireReaped(t, []string{name})
		})
	}
}

// killInLevel2 starts a child that builds a chain, kills it the given time after level 1 came up,
// and returns the name of its host.
func killInLevel2(t *testing.T, order childOrder, after time.Duration) string {
	t.Helper()
	child, name := startIntoLevel2(t, order)
	// This waits for nothing: it varies the moment of the kill.
	<-time.After(after)
	require.NoError(t, child.Process.Kill())
	require.Error(t, child.Wait(), "the child was killed")
	return name
}

// startIntoLevel2 starts a child that builds a chain, waits until level 1 is up, and returns the
// name of the child's host.
func startIntoLevel2(t *testing.T, order childOrder) (child *exec.Cmd, name string) {
	t.Helper()
	child = order.command(t)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewReader(out)
	name, err = lines.ReadString('\n')
	require.NoError(t, err)
	up, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "c1\n", up)
	return child, strings.TrimSpace(name)
}

func TestCloseEndsTheProcessesOfAHostWhoseInitWasKilled(t *testing.T) {
	parallel(t, 1)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	h, err := private.Start(harnesstest.Context(t), private.Config{StateRoot: stateRoot(), Delegation: article, Bundle: b, SharePIDs: true, InMemory: 2})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(2))
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, chain.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	require.NoError(t, unix.Kill(h.Pid(), unix.SIGKILL))
	assert.Greater(t, len(takeInventory(t, h.Name()).Processes), 2, "the LXD daemons and the levels' inits still run")
	require.NoError(t, h.Close(harnesstest.Context(t)))
	assertNothingLeft(t, h.Name())
}

func TestAKeptHostOutlivesItsMakerUntilItIsEndedByName(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	harnesstest.Bundle(t, source)
	out, err := childOrder{Source: source.String(), Depth: 1, Keep: true}.command(t).Output()
	require.NoError(t, err)
	name := strings.TrimSpace(string(out))
	t.Cleanup(func() { assertNothingLeft(t, name) })

	_, err = stateRoot().Reap(harnesstest.Context(t))
	require.NoError(t, err)
	assert.Len(t, takeInventory(t, name).Processes, 2, "init and LXD, after the end of the program that made the host and after a reap")
	require.NoError(t, stateRoot().End(harnesstest.Context(t), name))
	assertNothingLeft(t, name)
}

func TestReapLeavesALiveHostAlone(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	_, err := stateRoot().Reap(harnesstest.Context(t))
	require.NoError(t, err)
	_, _, err = h.LXD().GetServer()
	require.NoError(t, err, "the LXD of a live host answers after reap")
	require.ErrorIs(t, stateRoot().End(harnesstest.Context(t), h.Name()), host.ErrBusy)
}

func TestARunThatTimesOutSaysSoAndClosesItsHosts(t *testing.T) {
	parallel(t, 1)
	harnesstest.Bundle(t, harnesstest.Source(t))
	// The run's time is up after 8 s. It then has 10 minutes to clean up, enough for a busy
	// machine.
	run := testCommand(t, "-test.run=^TestFeatures$", "-test.timeout=10m8s", "-kept=10m",
		"-godog.paths=deep.feature", "-concurrency=1", "-godog.format=progress")
	run.Env = append(run.Env, environment.Artifacts+"="+t.TempDir()) // its scenario has to fail
	out, err := run.CombinedOutput()
	require.Error(t, err)
	assert.Contains(t, string(out), steps.ErrTimeIsUp.Error())
	assert.NotContains(t, string(out), "panic: test timed out")
	assert.NotContains(t, string(out), "the suite left")
	assert.Empty(t, hostsOf(t, run.Process.Pid))
}
