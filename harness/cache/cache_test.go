package cache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"nestbed/harness/cache"
)

func TestOpenRefusesADirectoryThatOthersCanWriteTo(t *testing.T) {
	top := t.TempDir()
	want := filepath.Join(top, "cache")
	got, err := cache.Open(want, 0o711)
	require.NoError(t, err)
	assert.Equal(t, want, got.Dir)
	assert.DirExists(t, want)

	for _, open := range []string{want, top} {
		require.NoError(t, os.Chmod(open, 0o777))
		_, err = cache.Open(want, 0o711)
		require.ErrorContains(t, err, open+": it has mode drwxrwxrwx")
		require.NoError(t, os.Chmod(open, 0o755))
	}
}

func TestConcurrentCallsMakeAnEntryOnce(t *testing.T) {
	c, err := cache.Open(t.TempDir(), 0o711)
	require.NoError(t, err)
	var made atomic.Int32
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			dir, err := c.Entry(t.Context(), "entry", func(_ context.Context, dir string) error {
				made.Add(1)
				return os.WriteFile(filepath.Join(dir, "file"), []byte("text"), 0o600)
			})
			assert.FileExists(t, filepath.Join(dir, "file"))
			return err
		})
	}
	require.NoError(t, g.Wait())
	assert.Equal(t, int32(1), made.Load())
}

func TestNothingIsLeftOfAnEntryThatCannotBeMade(t *testing.T) {
	c, err := cache.Open(t.TempDir(), 0o711)
	require.NoError(t, err)
	half := func(_ context.Context, dir string) error {
		return errors.Join(errors.New("no more"), os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	}
	_, err = c.Entry(t.Context(), "entry", half)
	require.ErrorContains(t, err, "no more")
	assert.Equal(t, []string{"lock-entry"}, names(t, c.Dir))

	// The next maker removes what a killed one left, with Remove if it is set.
	require.NoError(t, os.Mkdir(filepath.Join(c.Dir, "unfinished-entry"), 0o700))
	var removed []string
	c.Remove = func(_ context.Context, dir string) error {
		removed = append(removed, filepath.Base(dir))
		return os.RemoveAll(dir)
	}
	_, err = c.Entry(t.Context(), "entry", empty)
	require.NoError(t, err)
	assert.Equal(t, []string{"unfinished-entry"}, removed)
	assert.Equal(t, []string{"entry", "lock-entry"}, names(t, c.Dir))
}

func empty(context.Context, string) error { return nil }

func TestAnEntryDoesNotWaitForAnother(t *testing.T) {
	c, err := cache.Open(t.TempDir(), 0o711)
	require.NoError(t, err)
	_, err = c.Entry(t.Context(), "there", empty)
	require.NoError(t, err)
	_, err = c.Entry(t.Context(), "slow", func(ctx context.Context, _ string) error {
		_, there := c.Entry(ctx, "there", empty)
		_, fresh := c.Entry(ctx, "new", empty)
		short, cancel := context.WithCancel(ctx)
		cancel()
		_, itself := c.Entry(short, "slow", empty)
		require.ErrorIs(t, itself, context.Canceled, "another caller waits until the entry is made")
		return errors.Join(there, fresh)
	})
	require.NoError(t, err)
}

func TestAnEntryThatNobodyUsesIsRemovedWhenAnotherIsMade(t *testing.T) {
	c, err := cache.Open(t.TempDir(), 0o711)
	require.NoError(t, err)
	for _, name := range []string{"idle", "used", "held", "new"} {
		_, err := c.Entry(t.Context(), name, empty)
		require.NoError(t, err)
	}
	require.NoError(t, os.Mkdir(filepath.Join(c.Dir, "unfinished-idle"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(c.Dir, "no-entry"), 0o700))
	long := time.Now().Add(-cache.IdleLimit - time.Minute)
	for _, name := range []string{"idle", "used", "held"} {
		require.NoError(t, os.Chtimes(filepath.Join(c.Dir, "lock-"+name), long, long))
	}
	_, err = c.Entry(t.Context(), "used", empty)
	require.NoError(t, err)
	held, err := cache.Hold(filepath.Join(c.Dir, "held"))
	require.NoError(t, err)

	_, err = c.Entry(t.Context(), "first", empty)
	require.NoError(t, err)
	assert.Equal(t, []string{"first", "held", "lock-first", "lock-held", "lock-idle", "lock-new", "lock-used", "new", "no-entry", "used"}, names(t, c.Dir))
	require.NoError(t, held.Close())
	_, err = c.Entry(t.Context(), "second", empty)
	require.NoError(t, err)
	assert.NotContains(t, names(t, c.Dir), "held")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}
