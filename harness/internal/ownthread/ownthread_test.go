package ownthread_test

import (
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/internal/ownthread"
)

func TestNamespacesAreNeverEnteredOnTheMainThread(t *testing.T) {
	before, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	// Enough goroutines that one of them would run on the main thread.
	for range 20 {
		var all sync.WaitGroup
		meet := make(chan struct{})
		for range 32 {
			all.Go(func() {
				assert.NoError(t, ownthread.Run(func() error {
					assert.NotEqual(t, unix.Getpid(), unix.Gettid())
					<-meet
					return nil
				}))
			})
		}
		close(meet)
		all.Wait()
	}
	if os.Geteuid() == 0 {
		require.NoError(t, ownthread.Run(func() error { return unix.Unshare(unix.CLONE_NEWNET) }))
	}
	after, err := os.Readlink("/proc/self/ns/net")
	require.NoError(t, err)
	assert.Equal(t, before, after)
}
