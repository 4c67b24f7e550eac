package cache_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"nestbed/harness/cache"
)

func TestACacheIsNobodyElsesToWriteTo(t *testing.T) {
	top := t.TempDir()
	want := filepath.Join(top, "cache")
	got, err := cache.Open(want, 0o711)
	require.NoError(t, err)
	assert.Equal(t, want, got.Dir)
	assert.DirExists(t, want)

	for _, open := range []string{want, top} {
		require.NoError(t, os.Chmod(open, 0o777))
		_, err = cache.Open(want, 0o711)
		require.ErrorContains(t, err, open+": it has mode drwxrwxrwx, expected that nobody but ")
		require.NoError(t, os.Chmod(open, 0o755))
	}
}

func TestAnEntryIsMadeOnceByWhomeverComesFirst(t *testing.T) {
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
	assert.Equal(t, []string{"lock"}, names(t, c.Dir))

	// What a killed maker left goes when the next one comes, by the cache's own way where it has one.
	require.NoError(t, os.Mkdir(filepath.Join(c.Dir, "unfinished-1"), 0o700))
	var removed []string
	c.Remove = func(_ context.Context, dir string) error {
		removed = append(removed, filepath.Base(dir))
		return os.RemoveAll(dir)
	}
	_, err = c.Entry(t.Context(), "entry", func(context.Context, string) error { return nil })
	require.NoError(t, err)
	assert.Equal(t, []string{"unfinished-1"}, removed)
	assert.Equal(t, []string{"entry", "lock"}, names(t, c.Dir))
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
