package private

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"nestbed/harness/host"
	"nestbed/harness/trust"
	"nestbed/harness/wait"
)

const lockName = "lock"

// stateDir is the directory of one host. Its lock is held by the process that
// made the host and by the init of its namespaces: the directory is free as
// soon as both are gone, however they went.
type stateDir struct {
	path    string
	lock    *os.File
	journal journal
}

// claim makes a state directory, or takes the given one, and writes the journal
// before anything else is made. A given directory is also entered under
// StateRoot, by a symbolic link, so that one place knows all hosts.
func (r StateRoot) claim(ctx context.Context, dir string) (s *stateDir, err error) {
	taken := wait.For(ctx, "claim a state directory", claimBudget, func(context.Context) error {
		if s, err = r.tryClaim(ctx, dir); errors.Is(err, errTaken) {
			return err
		}
		return nil
	})
	if taken != nil {
		return nil, taken
	}
	return s, err
}

// claimBudget is for reaps in other processes to let go of what they have looked at.
const claimBudget = 5 * time.Second

// errTaken is why a claim starts again: a reap has taken what there is of it, which has
// no journal yet, for what a killed one left.
var errTaken = errors.New("taken by a reap")

// newPrefix is that of a directory under StateRoot that is no host's yet: it gets its
// name, which is the rest, as soon as it has a journal.
const newPrefix = "new-"

// ErrStateRoot is the error of a StateRoot in which no state directory can be made.
var ErrStateRoot = errors.New("state directory")

func (r StateRoot) tryClaim(ctx context.Context, dir string) (s *stateDir, err error) {
	if err := trust.Make(r.Path(), 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w; name another one, which can be written", ErrStateRoot, err)
	}
	own, err := os.MkdirTemp(r.Path(), newPrefix)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; name another one, which can be written", ErrStateRoot, err)
	}
	s = &stateDir{path: own}
	defer func() {
		if err != nil {
			_ = os.Remove(own) // where the claim was of another directory; else it is gone
		}
	}()
	if dir != "" {
		if s.path, err = vacate(ctx, dir); err != nil {
			return nil, err
		}
	}
	if err := s.tryLock(os.O_CREATE); err != nil {
		if _, none := os.Stat(filepath.Join(s.path, journalName)); none != nil {
			err = errors.Join(errTaken, err)
		}
		return nil, err
	}
	name := strings.TrimPrefix(filepath.Base(own), newPrefix)
	if s.journal, err = r.newJournal(name); err == nil {
		err = s.write()
	}
	if err == nil {
		err = s.enter(own)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(errTaken, err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state directory %s: %w", s.path, err), s.remove())
	}
	return s, nil
}

// enter gives the directory its place under StateRoot: now that it has a journal it can be cleared by others.
func (s *stateDir) enter(own string) error {
	entry := s.journal.Entry
	if s.path != own {
		return errors.Join(os.Symlink(s.path, entry), os.Remove(own))
	}
	s.path = entry
	return os.Rename(own, entry)
}

// vacate makes the given directory, or clears what a dead host left in it, and gives its
// whole path. One with things in it that no host of ours put there is refused, and one that is somebody else's.
func vacate(ctx context.Context, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := trust.Make(dir, 0o700); err != nil {
		return "", fmt.Errorf("state directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) == 0 {
		err = os.Chmod(dir, 0o700) // it may have been open to others to read
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.Join(errTaken, err) // it was there a moment ago
	case err != nil:
		return "", fmt.Errorf("state directory: %w", err)
	case len(entries) == 0:
		return dir, nil
	}
	if _, err := readJournal(dir); err != nil {
		return "", fmt.Errorf("state directory %s: not empty, and no journal of nestbed in it; give an empty or new directory", dir)
	}
	s := &stateDir{path: dir}
	if err := s.tryLock(0); err != nil {
		return "", err
	}
	if err := s.release(); err != nil {
		return "", err
	}
	if err := clearAway(ctx, dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// tryLock takes the lock without waiting; only who makes a directory makes the
// lock, by os.O_CREATE. The descriptor is inherited by the stage and keeps the lock there.
func (s *stateDir) tryLock(create int) error {
	f, err := os.OpenFile(filepath.Join(s.path, lockName), create|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("state directory %s: %w", s.path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		owner := "a run whose journal cannot be read"
		if j, jerr := readJournal(s.path); jerr == nil {
			owner = fmt.Sprintf("process %d (%s)", j.Pid, j.Command)
		}
		return errors.Join(fmt.Errorf("state directory %s: %w by %s; give another one or wait for it", s.path, host.ErrBusy, owner), f.Close())
	}
	// Who had it before may have removed it: then it locks nothing any more.
	held, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	if now, err := os.Lstat(f.Name()); err != nil || !os.SameFile(held, now) {
		return errors.Join(fmt.Errorf("state directory %s: its lock: %w", s.path, fs.ErrNotExist), f.Close())
	}
	s.lock = f
	return nil
}

// remove removes what a host puts into the directory, then the directory; what
// somebody else put there stays, and is an error. The journal goes last, so that a
// crash on the way can be reaped.
func (s *stateDir) remove() error {
	var errs []error
	// A crash in the middle of writing the journal leaves the new one beside it.
	half, err := filepath.Glob(filepath.Join(s.path, "."+journalName+"*"))
	errs = append(errs, err)
	for _, name := range []string{upperName, workName, rootName, lxdName, journalName, lockName} {
		errs = append(errs, os.RemoveAll(filepath.Join(s.path, name)))
	}
	for _, path := range half {
		errs = append(errs, os.Remove(path))
	}
	errs = append(errs, os.Remove(s.path))
	if entry := s.journal.Entry; entry != "" && entry != s.path {
		if err := os.Remove(entry); !errors.Is(err, fs.ErrNotExist) { // it has none yet, or none any more
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, s.release())...)
}

func (s *stateDir) release() error { return s.lock.Close() }
