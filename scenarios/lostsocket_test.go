package scenarios_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	lxd "github.com/canonical/lxd/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/act/image"
	"nestbed/harness/harnesstest"
)

// TestAFileIsPushedAfterLXDLostItsSocket removes the socket that LXD has just made for the files of
// level 1, as LXD itself does when the files of another container are no longer used.
func TestAFileIsPushedAfterLXDLostItsSocket(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(1))
	level, err := chain.Level(1)
	require.NoError(t, err)
	ctx := harnesstest.Context(t)

	dirs, err := filepath.Glob(fmt.Sprintf("/proc/%d/root/var/log/*/%s", h.Pid(), level.Name))
	require.NoError(t, err)
	require.Len(t, dirs, 1)
	socket := filepath.Join(dirs[0], "forkfile.sock")
	removed, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-removed:
				return
			default:
				if os.Remove(socket) == nil {
					return
				}
			}
		}
	}()
	err = h.LXD().CreateInstanceFile(level.Name, "/root/first", lxd.InstanceFileArgs{Content: strings.NewReader("first"), Type: "file"})
	close(removed)
	<-done
	require.ErrorContains(t, err, "forkfile.sock: connect: no such file or directory")

	require.NoError(t, image.PushFile(ctx, level, "/root/second", []byte("second"), 0))
	got, err := level.Root().ReadFile(ctx, "/root/second")
	require.NoError(t, err)
	assert.Equal(t, "second", string(got))
}
