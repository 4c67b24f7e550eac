package scenarios_test

import (
	"context"
	"testing"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/inventory"
)

func TestAKilledHostLeavesNoLoopDevice(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	for _, c := range inventory.Capabilities(harnesstest.Store(t), source) {
		if c.For == inventory.Btrfs || c.For == inventory.Tools {
			harnesstest.SkipIfMissing(t, c.Err())
		}
	}
	source.Tools = true
	h, err := private.Start(harnesstest.Context(t), private.Config{
		StateRoot:  stateRoot(),
		Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}),
		Bundle:     harnesstest.Bundle(t, source), Loops: true,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	require.NoError(t, h.LXD().CreateStoragePool(api.StoragePoolsPost{Name: "pool", Driver: harness.Btrfs}))
	loops, err := h.Loops()
	require.NoError(t, err)
	require.Len(t, loops, 1, "loop devices that the pool lies on")

	require.NoError(t, unix.Kill(h.Pid(), unix.SIGKILL))
	require.NoError(t, h.Close(harnesstest.Context(t)), "it waits for the device to be freed")
	after, err := private.LeakedLoops()
	require.NoError(t, err)
	assert.NotContains(t, after, loops[0])
}
