package scenarios_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
)

// Goroutines that talk to an LXD daemon end when it ends. This test counts them while the daemons
// still run, to see whether closing ends them.
func TestDetachFromARunningChainLeavesNoGoroutine(t *testing.T) {
	if !inNewProcess(t, 1) {
		return
	}
	h := harnesstest.Host(t, article)
	harnesstest.Build(t, h, harness.Cascade(2))
	before := goleak.IgnoreCurrent()

	running, err := stateRoot().Open(harnesstest.Context(t), h.Name())
	require.NoError(t, err)
	levels, err := harness.Attach(harnesstest.Context(t), running)
	require.NoError(t, err)
	require.Len(t, levels, 2)
	for _, l := range levels {
		out, err := l.Exec(harnesstest.Context(t), "id", "-u")
		require.NoError(t, err)
		assert.Equal(t, "0\n", out)
		ended, cancel := context.WithCancel(harnesstest.Context(t))
		cancel()
		_, err = l.Exec(ended, "busybox", "sleep", "100000") // the websockets must be closed, too
		require.ErrorIs(t, err, context.Canceled)
	}
	require.Error(t, goleak.Find(before), "the client still listens")
	harness.Detach(levels)
	running.Close()
	require.NoError(t, goleak.Find(before))
}
