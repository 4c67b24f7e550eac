// Package cache keeps directories that are dear to make, each under a name that stands for what is in it. One process
// makes an entry, others wait for it; a crash leaves nothing that looks like one.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"

	"nestbed/harness/trust"
)

// lockRetry is how often a process looks whether another has finished: flock has no other way to wait with a context.
const lockRetry = 100 * time.Millisecond

// unfinished is how the names of directories begin that are not entries yet.
const unfinished = "unfinished-"

// Cache is a directory of entries.
type Cache struct {
	Dir string
	// Remove removes what a maker left; nil: os.RemoveAll, for which some files may have the wrong owner.
	Remove func(ctx context.Context, dir string) error
}

// Open makes the directory of a cache where it is not there, with the given mode, and refuses one that others may write
// to: what is in it is run.
func Open(dir string, mode fs.FileMode) (Cache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Cache{}, err
	}
	return Cache{Dir: dir}, trust.Make(dir, mode)
}

// Entry gives the directory of that name. Where it is not there, fill makes its content in another, which is then moved to
// its place.
func (c Cache) Entry(ctx context.Context, name string, fill func(ctx context.Context, dir string) error) (string, error) {
	lock := flock.New(filepath.Join(c.Dir, "lock"))
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return "", fmt.Errorf("cache: lock %s: %w", lock.Path(), err)
	}
	defer lock.Unlock() //nolint:errcheck // closing the file, which ends the lock, cannot usefully fail
	entry := filepath.Join(c.Dir, name)
	if _, err := os.Stat(entry); err == nil {
		return entry, nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("cache: %w", err)
	}
	// Under the lock, what is unfinished has no maker any more.
	left, err := filepath.Glob(filepath.Join(c.Dir, unfinished+"*"))
	for _, dir := range left {
		err = errors.Join(err, c.remove(ctx, dir))
	}
	if err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	temp, err := os.MkdirTemp(c.Dir, unfinished)
	if err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	if err := fill(ctx, temp); err != nil {
		return "", errors.Join(err, c.remove(context.WithoutCancel(ctx), temp))
	}
	return entry, os.Rename(temp, entry)
}

// Find gives the directory of that name, if it is there, and if nobody else's: for an account that may not write to the cache.
func (c Cache) Find(name string) (string, error) {
	entry := filepath.Join(c.Dir, name)
	if _, err := os.Stat(entry); err != nil {
		return "", err
	}
	return entry, trust.Dir(entry)
}

func (c Cache) remove(ctx context.Context, dir string) error {
	if c.Remove == nil {
		return os.RemoveAll(dir)
	}
	return c.Remove(ctx, dir)
}
