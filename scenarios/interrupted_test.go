package scenarios_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/act/life"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// LXD asks the init of a container to shut down, and waits. A signal ends that wait, because liblxc
// does not wait again (liblxc: src/lxc/lxccontainer.c, do_lxcapi_shutdown). The container shuts
// down all the same. Later versions of LXD wait in another way.
func TestAStopOfALevelOutlivesASignalToItsLXD(t *testing.T) {
	parallel(t, 1)
	if b := harnesstest.Bundle(t, harnesstest.Source(t)); b.Flavor != idmap.LXD.At("5.0.2") || strings.Contains(b.Daemon(), "+git") {
		t.Skipf("the bundle has %s; this bug is in LXD 5.0.2 of Debian 12, not in the later one of Debian 13", b.Daemon())
	}
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(1))
	l := chain.Levels[0]
	disturb(t, h, func() {
		err := harness.ChangeState(harnesstest.Context(t), l, api.InstanceStatePut{Action: "stop", Timeout: 60})
		require.ErrorContains(t, err, "shutting down the container failed", "if this LXD is fixed, correct docs/findings.md")
	})
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for it to stop all the same, and start it", life.StopBudget, func(ctx context.Context) error {
		if status, err := life.Status(ctx, chain, 1); err != nil || status != "Stopped" {
			return fmt.Errorf("it is %q: %w", status, err)
		}
		return life.Start(ctx, l) // fails while LXD cleans up
	}))
	require.NoError(t, chain.Reattach(harnesstest.Context(t), 1))
	disturb(t, h, func() {
		require.NoError(t, life.Restart(harnesstest.Context(t), chain.Levels[0], false))
	})
	require.NoError(t, chain.Reattach(harnesstest.Context(t), 1))
	harnesstest.AsPlanned(t, chain)
}

// disturb sends signals to every thread of the host's LXD while do runs: SIGURG, which Go programs
// ignore.
func disturb(t *testing.T, h harness.Daemon, do func()) {
	t.Helper()
	lxd, err := harness.DaemonProcess(harnesstest.Context(t), h)
	require.NoError(t, err)
	done := make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", lxd.Pid))
			for _, thread := range threads {
				if id, err := strconv.Atoi(thread.Name()); err == nil {
					_ = unix.Tgkill(lxd.Pid, id, unix.SIGURG) // it may have ended
				}
			}
		}
	}()
	defer func() {
		close(done)
		<-ended
		assert.NoError(t, lxd.Release())
	}()
	do()
}
