package scenarios_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/wait"
)

// guardians are the processes that give the allocation back when those that have it are gone.
func (l lent) guardians(t *testing.T) (pids []int) {
	t.Helper()
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	for _, path := range commands {
		command, _ := os.ReadFile(path) // it may end meanwhile
		if argv := strings.Split(string(command), "\x00"); argv[0] == "nestbed-guardian" && strings.Contains(argv[1], l.socket) {
			var pid int
			_, err := fmt.Sscanf(path, "/proc/%d/", &pid)
			require.NoError(t, err)
			pids = append(pids, pid)
		}
	}
	return pids
}

// awaitGuardians waits until there are so many.
func (l lent) awaitGuardians(t *testing.T, count int) {
	t.Helper()
	require.NoError(t, wait.For(t.Context(), "wait for guardians", time.Minute, func(context.Context) error {
		if pids := l.guardians(t); len(pids) != count {
			return fmt.Errorf("these run: %d, expected %d", pids, count)
		}
		return nil
	}))
}

// endAll kills a run and its guardian.
func (l lent) endAll(t *testing.T, run *exec.Cmd) {
	t.Helper()
	require.NoError(t, run.Process.Signal(unix.SIGSTOP)) // so that it does nothing about the end of the guardian
	for _, pid := range l.guardians(t) {
		require.NoError(t, unix.Kill(pid, unix.SIGKILL))
	}
	require.NoError(t, run.Process.Kill())
	require.Error(t, run.Wait(), "it was killed")
	l.awaitGuardians(t, 0)
}

func (l lent) order(t *testing.T) childOrder {
	t.Helper()
	return childOrder{Source: harnesstest.Source(t).String(), Depth: 3, LXD: l.socket, RestartLXD: l.restart}
}

func TestTheGuardianOfAKilledRunGivesTheAllocationBack(t *testing.T) {
	l := lendableLXD(t)
	before, first := l.state(t), l.pid(t)
	run, name := startIntoLevel2(t, l.order(t))
	require.Len(t, l.covers(t), 2)
	require.Len(t, l.guardians(t), 1)
	lending := l.pid(t)
	assert.NotEqual(t, first, lending)
	require.NoError(t, run.Process.Kill())
	require.Error(t, run.Wait(), "it was killed")
	l.awaitGuardians(t, 0)
	_, _, err := l.lxd().GetProject(name)
	assert.True(t, api.StatusErrorCheck(err, 404), "%v", err)
	assert.NotEqual(t, lending, l.pid(t), "the LXD was started anew")
	assert.Equal(t, before, l.state(t))
}

func TestWhatARunAndItsGuardianLeaveIsGivenBackByReapAndByTheNextRun(t *testing.T) {
	l := lendableLXD(t)
	before := l.state(t)
	for who, giveBack := range map[string]func(t *testing.T, name string){
		"reap": func(t *testing.T, name string) {
			_, err := host.System(t.Context(), host.Config{Delegation: article, Bundle: harnesstest.Bundle(t, harnesstest.Source(t)), LXD: l.socket})
			require.ErrorIs(t, err, host.ErrBusy, "a run that may not restart the LXD leaves it alone, and does not build on what will be restarted")
			_, err = host.ReapProjects(t.Context(), l.socket, "")
			require.ErrorContains(t, err, "--restart-lxd")
			removed, err := host.ReapProjects(t.Context(), l.socket, l.restart)
			require.NoError(t, err)
			assert.Equal(t, []string{name}, removed)
		},
		"the next run": func(t *testing.T, name string) {
			h, err := host.System(t.Context(), l.config(t, article))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, h.Close(context.Background())) })
			_, _, err = l.lxd().GetProject(name)
			assert.True(t, api.StatusErrorCheck(err, 404), "%v", err)
			assert.Len(t, l.covers(t), 2, "its own")
			require.NoError(t, h.Close(t.Context()))
		},
	} {
		t.Run(who, func(t *testing.T) {
			run, name := startIntoLevel2(t, l.order(t))
			l.endAll(t, run)
			require.Len(t, l.covers(t), 2, "they are left")
			lending := l.pid(t)
			giveBack(t, name)
			assert.NotEqual(t, lending, l.pid(t), "the LXD was started anew")
			assert.Equal(t, before, l.state(t))
		})
	}
}

// At other moments: before the files are covered, when one is, while the LXD is started anew, and while level 1 is made.
func TestReapGivesBackWhatIsLeftWheneverRunAndGuardianAreKilled(t *testing.T) {
	l := lendableLXD(t)
	before := l.state(t)
	for i := range 4 * *kills {
		after := time.Duration(i*60) * time.Millisecond
		t.Run(after.String(), func(t *testing.T) {
			order := l.order(t)
			run := order.command(t)
			require.NoError(t, run.Start())
			l.awaitGuardians(t, 1)
			<-time.After(after) // the moment of the kill
			l.endAll(t, run)
			// It may have been killed while the LXD ended: that comes up again.
			require.NoError(t, wait.For(t.Context(), "reap", time.Minute, func(context.Context) error {
				removed, err := host.ReapProjects(t.Context(), l.socket, l.restart)
				if err == nil {
					assert.Len(t, removed, 1)
				}
				return err
			}))
			assert.Equal(t, before, l.state(t))
		})
	}
}

func TestAnAllocationIsTakenBackWhereTheLXDDoesNotRestart(t *testing.T) {
	l := lendableLXD(t)
	before := l.state(t)
	order := l.order(t)
	order.RestartLXD = "echo no such unit; exit 3"
	run := order.command(t)
	var said strings.Builder
	run.Stderr = &said
	require.Error(t, run.Run())
	assert.Contains(t, said.String(), "exit status 3: no such unit")
	assert.Contains(t, said.String(), "nestbed reap --host system:"+l.socket, "what to do about the LXD, of which nobody knows what it has read")
	l.awaitGuardians(t, 0)
	assert.Empty(t, l.covers(t))
	removed, err := host.ReapProjects(t.Context(), l.socket, l.restart)
	require.NoError(t, err)
	assert.Len(t, removed, 1)
	assert.Equal(t, before, l.state(t))
}
