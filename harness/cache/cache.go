// Package cache stores directories that take long to make, each under a name that identifies
// its content. One process makes an entry while other processes wait for it; they do not wait
// for other entries. A crash, even of the machine, never leaves an incomplete entry. Making an
// entry removes all entries that were not used for IdleLimit.
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

// IdleLimit is the time after which an unused entry is removed.
const IdleLimit = 30 * 24 * time.Hour

// lockRetry is the interval between attempts to lock: flock offers no other way to wait with a
// context.
const lockRetry = 100 * time.Millisecond

// removeBudget is the time for removing an incomplete entry when a command is interrupted. The
// next command removes the rest.
const removeBudget = 1500 * time.Millisecond

// lockPrefix is the prefix of an entry's lock, whose modification time is the entry's last use.
// unfinished is the prefix of a directory that is not an entry yet, or not any more.
const (
	lockPrefix = "lock-"
	unfinished = "unfinished-"
)

// A Cache is a directory of entries.
type Cache struct {
	Dir string
	// Remove removes an incomplete entry. Nil means os.RemoveAll, which fails if files of other
	// owners need more rights.
	Remove func(ctx context.Context, dir string) error
}

// Open creates the directory of a cache with the given mode, unless it exists. It fails if
// other users may write to it, because nestbed runs files from the cache.
func Open(dir string, mode fs.FileMode) (Cache, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Cache{}, err
	}
	return Cache{Dir: dir}, trust.Make(dir, mode)
}

// Entry returns the directory of that name. If it does not exist, fill writes its content to a
// temporary directory, which is then renamed.
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
		return entry, nil // another process has made it in the meantime
	}
	defer cleanup.Begin(ctx, cleanup.Task{What: "the removal of the incomplete " + entry, Budget: removeBudget})()
	if err := c.removeIdle(ctx); err != nil {
		return "", fmt.Errorf("cache: %w", err)
	}
	// No process is making the entry, because this one holds the lock.
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

// use returns the path of an entry and whether the entry exists, and records its use. It waits
// while another process makes the entry.
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

// lock returns the lock of one entry: shared for use, exclusive for making or removing it.
func (c Cache) lock(name string) *flock.Flock {
	return flock.New(filepath.Join(c.Dir, lockPrefix+name))
}

// publish turns temp into an entry. It first writes all data to the disk, because a crash of
// the machine could otherwise leave an entry with empty files.
func (c Cache) publish(temp, entry string) error {
	dir, err := os.Open(c.Dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	// One sync of the whole filesystem is faster than syncing thousands of files.
	if err := unix.Syncfs(int(dir.Fd())); err != nil {
		return &fs.PathError{Op: "syncfs", Path: temp, Err: err}
	}
	if err := os.Rename(temp, entry); err != nil {
		return err
	}
	return dir.Sync()
}

// removeIdle removes the entries that were not used for IdleLimit and that nobody holds.
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

// removeEntry removes an entry and its incomplete version, unless the entry is in use.
func (c Cache) removeEntry(ctx context.Context, name string) error {
	lock := c.lock(name)
	free, err := lock.TryLock()
	if err != nil || !free {
		return err
	}
	defer lock.Unlock() //nolint:errcheck // closing the file, which ends the lock, cannot usefully fail
	if info, err := os.Stat(lock.Path()); err != nil || time.Since(info.ModTime()) < IdleLimit {
		return err // it was used in the meantime
	}
	temp := filepath.Join(c.Dir, unfinished+name)
	if err := c.remove(ctx, temp); err != nil {
		return err
	}
	// Rename it first, so that a crash cannot leave an incomplete entry.
	if err := os.Rename(filepath.Join(c.Dir, name), temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return c.remove(ctx, temp)
}

// Hold returns a file that keeps an entry from being removed while it, or a copy of its
// descriptor, is open.
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

// Find returns the directory of that name. It fails if that does not exist or if other users
// may write to it. It is for accounts that may not write to the cache, and so does not record
// the use.
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
