// Package cache keeps directories that take long to make, each under a name that stands for its content. One process
// makes an entry while others wait for that one alone; a crash, also one of the machine, leaves nothing that looks
// like an entry. An entry that nobody has used for IdleLimit is removed when another one is made.
package cache

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
	"golang.org/x/sys/unix"

	"nestbed/harness/internal/cleanup"
	"nestbed/harness/trust"
)

// IdleLimit is how long an entry is kept that nobody uses. So the cache holds what 30 days have used, and no more.
const IdleLimit = 30 * 24 * time.Hour

// lockRetry is how often a process looks whether another has finished: flock has no other way to wait with a context.
const lockRetry = 100 * time.Millisecond

// removeBudget is for what is half made to be removed, once a command is told to stop. The next one removes the rest.
const removeBudget = 1500 * time.Millisecond

// The prefixes of an entry's lock, whose time is that of its last use, and of what is not an entry yet, or not any more.
const (
	lockPrefix = "lock-"
	unfinished = "unfinished-"
)

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

// Entry returns the directory of that name. If it is missing, fill makes its content in another one, which then takes
// its place.
func (c Cache) Entry(ctx context.Context, name string, fill func(ctx context.Context, dir string) error) (string, error) {
	entry, found, err := c.use(ctx, name)
	if err != nil || found {
		return entry, err
	}
	lock := c.lock(name)
	if _, err := lock.TryLockContext(ctx, lockRetry); err != nil {
		return "", fmt.Errorf("cache: lock %s: %w", lock.Path(), err)
	}
	defer lock.Unlock() //nolint:errcheck // closing the file, which ends the lock, cannot usefully fail
	if _, err := os.Stat(entry); err == nil {
		return entry, nil // another process has made it meanwhile
	}
	defer cleanup.Begin(ctx, cleanup.Task{What: entry + " to be removed, which is half made", Budget: removeBudget})()
	if err := c.removeIdle(ctx); err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	// Under the lock, it has no maker any more if it is there.
	temp := filepath.Join(c.Dir, unfinished+name)
	if err := c.remove(ctx, temp); err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	if err := os.Mkdir(temp, 0o700); err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	if err := fill(ctx, temp); err != nil {
		return "", errors.Join(err, c.remove(context.WithoutCancel(ctx), temp))
	}
	return entry, c.publish(temp, entry)
}

// use returns the path of an entry and whether the entry exists, and notes that it was used. It waits while another
// process makes the entry.
func (c Cache) use(ctx context.Context, name string) (entry string, found bool, err error) {
	lock := c.lock(name)
	if _, err := lock.TryRLockContext(ctx, lockRetry); err != nil {
		return "", false, fmt.Errorf("cache: lock %s: %w", lock.Path(), err)
	}
	defer lock.Unlock() //nolint:errcheck // closing the file, which ends the lock, cannot usefully fail
	entry = filepath.Join(c.Dir, name)
	if _, err = os.Stat(entry); errors.Is(err, fs.ErrNotExist) {
		return entry, false, nil
	}
	if err == nil {
		now := time.Now()
		err = os.Chtimes(lock.Path(), now, now)
	}
	if err != nil {
		return "", false, fmt.Errorf("cache: %w", err)
	}
	return entry, true, nil
}

// lock is that of one entry: shared by those who use it, and held alone by who makes or removes it.
func (c Cache) lock(name string) *flock.Flock {
	return flock.New(filepath.Join(c.Dir, lockPrefix+name))
}

// publish makes an entry of what is made, once it is on the disk: a crash of the machine could else leave an entry
// with files that are empty.
func (c Cache) publish(temp, entry string) error {
	dir, err := os.Open(c.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	// All of it, and what else the filesystem has: to sync thousands of files one by one takes longer.
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: temp, Err: err}
	}
	if err := os.Rename(temp, entry); err != nil {
		return err
	}
	return dir.Sync()
}

// removeIdle removes the entries that nobody has used for IdleLimit, and nobody holds.
func (c Cache) removeIdle(ctx context.Context) error {
	locks, err := filepath.Glob(filepath.Join(c.Dir, lockPrefix+"*"))
	for _, path := range locks {
		if info, serr := os.Stat(path); serr != nil || time.Since(info.ModTime()) < IdleLimit {
			continue
		}
		err = errors.Join(err, c.removeEntry(ctx, strings.TrimPrefix(filepath.Base(path), lockPrefix)))
	}
	return err
}

// removeEntry removes an entry, and what is half made of it, unless it is in use.
func (c Cache) removeEntry(ctx context.Context, name string) error {
	lock := c.lock(name)
	free, err := lock.TryLock()
	if err != nil || !free {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // closing the file, which ends the lock, cannot usefully fail
	if info, err := os.Stat(lock.Path()); err != nil || time.Since(info.ModTime()) < IdleLimit {
		return err // it was used meanwhile
	}
	temp := filepath.Join(c.Dir, unfinished+name)
	if err := c.remove(ctx, temp); err != nil {
		return err
	}
	// By way of the other name, so that a crash leaves no half of an entry.
	if err := os.Rename(filepath.Join(c.Dir, name), temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return c.remove(ctx, temp)
}

// Hold returns a file that keeps an entry from being removed as long as it, or a copy of its descriptor, is open.
func Hold(entry string) (*os.File, error) {
	path := filepath.Join(filepath.Dir(entry), lockPrefix+filepath.Base(entry))
	f, err := os.OpenFile(path, os.O_RDONLY|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cache: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_SH); err != nil {
		return nil, errors.Join(fmt.Errorf("cache: lock %s: %w", path, err), f.Close())
	}
	return f, nil
}

// Find returns the directory of that name, if it is there and nobody else may write to it: for an account that may not
// write to the cache, and whose use is therefore not noted.
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
