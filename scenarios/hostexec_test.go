package scenarios_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// sleepers returns the processes in a host's pid namespace that sleep for the given time. It does
// not look in the host's cgroups, because Exec does not put processes there.
func sleepers(t *testing.T, h *private.Host, seconds string) (found []string) {
	t.Helper()
	of, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", h.Pid()))
	require.NoError(t, err)
	processes, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, dir := range processes {
		space, _ := os.Readlink(filepath.Join(dir, "ns/pid")) // it may have ended
		line, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		if space == of && strings.HasSuffix(string(line), "sleep\x00"+seconds+"\x00") {
			found = append(found, dir)
		}
	}
	return found
}

func TestACancelledExecOnTheHostEndsWithItsChildren(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}))
	const seconds = "60201" // no other program of the host sleeps that long
	ctx, cancel := context.WithCancel(harnesstest.Context(t))
	ended := make(chan error, 1)
	go func() {
		_, err := host.Exec(ctx, h, "sh", "-c", "sleep "+seconds+" & sleep "+seconds)
		ended <- err
	}()
	// A busy machine may need this long.
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for both to run", time.Minute, func(context.Context) error {
		if n := len(sleepers(t, h, seconds)); n != 2 {
			return fmt.Errorf("%d of 2 run", n)
		}
		return nil
	}))
	cancel()
	select {
	case err := <-ended:
		require.Error(t, err)
	case <-time.After(30 * time.Second):
		t.Fatal("Exec still waits, although its context has ended")
	}
	// The kernel has killed them, but a busy machine may take a while to remove them.
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for both to be gone", 30*time.Second, func(context.Context) error {
		if left := sleepers(t, h, seconds); len(left) > 0 {
			return fmt.Errorf("these run: %v", left)
		}
		return nil
	}))
}

func TestNothingRunsOnAClosedHost(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}))
	name, err := host.Exec(harnesstest.Context(t), h, "hostname")
	require.NoError(t, err)
	assert.Equal(t, "nestbed-"+h.Name()+"\n", name)
	require.NoError(t, h.Close(harnesstest.Context(t)))
	_, err = host.Exec(harnesstest.Context(t), h, "hostname")
	require.ErrorIs(t, err, private.ErrClosed)
	require.NoError(t, h.Close(harnesstest.Context(t)), "a host may be closed twice")
}

func TestAHostHoldsItsBundleInTheCache(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}))
	entry := filepath.Dir(h.Traits().Bundle.Whole.Path)
	lock := filepath.Join(filepath.Dir(entry), "lock-"+filepath.Base(entry))
	var open []string
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", h.Pid()))
	require.NoError(t, err)
	for _, file := range files {
		target, _ := os.Readlink(file) // it may have been closed meanwhile
		open = append(open, target)
	}
	assert.Contains(t, open, lock, "the init holds the lock as long as it lives, even if the host is kept")
}

func TestAKeptHostCanBeEndedWithAnyDirectoryName(t *testing.T) {
	parallel(t, 1)
	h, err := private.Start(harnesstest.Context(t), private.Config{
		StateRoot:  stateRoot(),
		Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}),
		Bundle:     harnesstest.Bundle(t, harnesstest.Source(t)), StateDir: filepath.Join(t.TempDir(), "a&b <\"é\u2028'>"),
	})
	require.NoError(t, err)
	require.NoError(t, host.Keep(h))
	require.NoError(t, h.Close(harnesstest.Context(t)))
	require.NoError(t, stateRoot().End(harnesstest.Context(t), h.Name()))
	assertNothingLeft(t, h.Name())
}

// CI runs this test with the race detector.
func TestAHostIsUsedByManyAtOnceAndClosedMeanwhile(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}))
	var all errgroup.Group
	looking := make(chan struct{}, 3)
	for range cap(looking) {
		all.Go(func() error {
			for first := true; !h.Closed(); first = false {
				_, _, _ = h.LXD().GetServer() // it may be restarting or closed
				if _, err := host.Exec(harnesstest.Context(t), h, "true"); err != nil && !h.Closed() {
					return err
				}
				if first {
					looking <- struct{}{}
				}
			}
			return nil
		})
	}
	all.Go(func() error {
		if err := host.RestartLXD(harnesstest.Context(t), h); err != nil {
			return err
		}
		for range cap(looking) {
			<-looking
		}
		var closing errgroup.Group
		for range 2 {
			closing.Go(func() error { return h.Close(harnesstest.Context(t)) })
		}
		return closing.Wait()
	})
	require.NoError(t, all.Wait())
	_, err := host.Exec(harnesstest.Context(t), h, "true")
	require.ErrorIs(t, err, private.ErrClosed)
	assert.Empty(t, host.Left(h))
}
