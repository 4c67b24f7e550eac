package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/act/image"
	"nestbed/harness/harnesstest"
)

// TestAFileIsPushedAfterLXDLostItsSocket removes the socket of the program that accesses the files
// of level 1, as LXD itself does when the files of another container are no longer used. The next
// push waits for the end of that program. LXD then removes the socket of the push, too.
func TestAFileIsPushedAfterLXDLostItsSocket(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(1))
	level, err := chain.Level(1)
	require.NoError(t, err)
	ctx := harnesstest.Context(t)

	require.NoError(t, image.PushFile(ctx, level, "/root/first", []byte("first"), 0))
	sockets, err := filepath.Glob(fmt.Sprintf("/proc/%d/root/var/log/*/%s/forkfile.sock", h.Pid(), level.Name))
	require.NoError(t, err)
	require.Len(t, sockets, 1)
	require.NoError(t, os.Remove(sockets[0]))
	require.NoError(t, image.PushFile(ctx, level, "/root/second", []byte("second"), 0))
	got, err := level.Root().ReadFile(ctx, "/root/second")
	require.NoError(t, err)
	assert.Equal(t, "second", string(got))
}
