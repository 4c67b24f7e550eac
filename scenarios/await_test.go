package scenarios_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/wait"
)

func TestAnOperationIsWaitedForInLXD(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	harnesstest.Build(t, h, harness.Cascade(1))
	// client returns a client of the host's LXD daemon and a channel with an item for each request
	// that waits for an operation. budget limits each request; 0 means no limit.
	client := func(t *testing.T, budget time.Duration) (lxd.InstanceServer, <-chan bool) {
		waits := make(chan bool, 1000)
		server, err := lxd.ConnectLXDUnixWithContext(harnesstest.Context(t), h.Socket(), &lxd.ConnectionArgs{
			HTTPClient: &http.Client{Timeout: budget},
			Proxy: func(r *http.Request) (*url.URL, error) {
				if strings.HasSuffix(r.URL.Path, "/wait") {
					waits <- true
				}
				return nil, nil
			},
		})
		require.NoError(t, err)
		return server, waits
	}
	// program starts a program that runs until its input ends.
	program := func(t *testing.T, server lxd.InstanceServer) (lxd.Operation, *io.PipeWriter) {
		stdin, write := io.Pipe()
		op, err := server.ExecInstance("c1", api.InstanceExecPost{Command: []string{"cat"}, WaitForWS: true}, &lxd.InstanceExecArgs{Stdin: stdin})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, write.Close()) })
		return op, write
	}
	t.Run("longer than one request may take", func(t *testing.T) {
		server, waits := client(t, 2*time.Second)
		op, stdin := program(t, server)
		go func() {
			for range 3 {
				<-waits
			}
			_ = stdin.Close()
		}()
		require.NoError(t, harnesstest.Await(harnesstest.Context(t), server, op, nil))
	})
	t.Run("until the context ends", func(t *testing.T) {
		server, waits := client(t, 0)
		op, _ := program(t, server)
		ctx, cancel := context.WithCancel(harnesstest.Context(t))
		go func() {
			<-waits
			cancel()
		}()
		began := time.Now()
		require.ErrorIs(t, harnesstest.Await(ctx, server, op, nil), context.Canceled)
		assert.Less(t, time.Since(began), 25*time.Second, "LXD itself would answer only after 30 s")
	})
	t.Run("until the budget is used up", func(t *testing.T) {
		server, _ := client(t, 0)
		op, _ := program(t, server)
		err := harnesstest.Await(wait.WithPatience(harnesstest.Context(t), 0.001), server, op, nil)
		require.ErrorIs(t, err, wait.ErrTimeout)
		require.Regexp(t, `^wait for LXD's operation "Executing command": timed out after .*: it is running$`, err)
	})
	t.Run("but not after LXD has forgotten it", func(t *testing.T) {
		server, _ := client(t, 0)
		op, stdin := program(t, server)
		require.NoError(t, stdin.Close())
		id := op.Get().ID
		require.NoError(t, wait.For(harnesstest.Context(t), "wait for LXD to forget it", time.Minute, func(context.Context) error {
			_, _, err := server.GetOperation(id)
			if !api.StatusErrorCheck(err, http.StatusNotFound) {
				return assert.AnError
			}
			return nil
		}))
		err := harnesstest.Await(harnesstest.Context(t), server, op, nil)
		require.ErrorContains(t, err, "operation "+id+": LXD no longer knows the result")
	})
}
