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

// stateDir is the directory of one host. The process that made the host and the init of its
// namespaces hold its lock, so the lock is free as soon as both have ended in any way.
type stateDir struct {
	path    string
	lock    *os.File
	journal journal
}

// claim makes a state directory, or takes the given one, and writes its journal before anything
// else. It registers a given directory under StateRoot with a symlink, so that all hosts are
// found there.
func (r StateRoot) claim(ctx context.Context, dir string) (s *stateDir, err error) {
	taken := wait.For(ctx, "claim a state directory", claimBudget, func(context.Context) error {
		if s, err = r.tryClaim(ctx, dir); errors.Is(err, errTakenByReap) {
			return err
		}
		return nil
	})
	if taken != nil {
		return nil, taken
	}
	return s, err
}

// claimBudget is how long claim waits for reaps in other processes to release what they look at.
const claimBudget = 5 * time.Second

// errTakenByReap makes claim try again. A reap has taken the new directory, which has no journal
// yet, for the leftover of a killed process.
var errTakenByReap = errors.New("taken by a reap")

// newPrefix begins the name of a directory under StateRoot that has no journal yet. Once it has
// one, it is renamed to the rest of its name, which is the host's.
const newPrefix = "new-"

// ErrStateRoot is the error of a StateRoot in which no state directory can be made.
var ErrStateRoot = errors.New("state directory")

func (r StateRoot) tryClaim(ctx context.Context, dir string) (s *stateDir, err error) {
	if err := trust.Make(r.Path(), 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w; name a directory that can be written", ErrStateRoot, err)
	}
	own, err := os.MkdirTemp(r.Path(), newPrefix)
	if err != nil {
		return nil, fmt.Errorf("%w: %w; name a directory that can be written", ErrStateRoot, err)
	}
	s = &stateDir{path: own}
	defer func() {
		if err != nil {
			_ = os.Remove(own) // it still exists only if dir was given
		}
	}()
	if dir != "" {
		if s.path, err = prepareDir(ctx, dir); err != nil {
			return nil, err
		}
	}
	if err := s.tryLock(os.O_CREATE); err != nil {
		if _, none := os.Stat(filepath.Join(s.path, journalName)); none != nil {
			err = errors.Join(errTakenByReap, err)
		}
		return nil, err
	}
	name := strings.TrimPrefix(filepath.Base(own), newPrefix)
	if s.journal, err = r.newJournal(name); err == nil {
		err = s.write()
	}
	if err == nil {
		err = s.register(own)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.Join(errTakenByReap, err)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state directory %s: %w", s.path, err), s.remove())
	}
	return s, nil
}

// register registers the directory under StateRoot. Others can clear it from now on, because it
// has a journal.
func (s *stateDir) register(own string) error {
	entry := s.journal.Entry
	if s.path != own {
		return errors.Join(os.Symlink(s.path, entry), os.Remove(own))
	}
	s.path = entry
	return os.Rename(own, entry)
}

// prepareDir makes the given directory, or clears what a dead host left in it, and returns its
// absolute path. It refuses a directory that belongs to another user, or contains files that no
// host wrote.
func prepareDir(ctx context.Context, dir string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if err := trust.Make(dir, 0o700); err != nil {
		return "", fmt.Errorf("state directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) == 0 {
		err = os.Chmod(dir, 0o700) // others may have been able to read it
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", errors.Join(errTakenByReap, err) // somebody has just removed it
	case err != nil:
		return "", fmt.Errorf("state directory: %w", err)
	case len(entries) == 0:
		return dir, nil
	}
	if _, err := readJournal(dir); err != nil {
		return "", fmt.Errorf("state directory %s: not empty, and has no journal of nestbed; name an empty or new directory", dir)
	}
	s := &stateDir{path: dir}
	if err := s.tryLock(0); err != nil {
		return "", err
	}
	if err := s.release(); err != nil {
		return "", err
	}
	if err := removeDead(ctx, dir); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// tryLock takes the lock without waiting. create is os.O_CREATE for the process that makes the
// directory, and otherwise 0. The stage inherits the descriptor and keeps the lock.
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
		return errors.Join(fmt.Errorf("state directory %s: %w by %s; name another one or wait", s.path, host.ErrBusy, owner), f.Close())
	}
	// The previous holder may have removed the file. A lock on a removed file protects nothing.
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

// remove removes what a host puts into the directory, then the directory. Files of others stay
// and cause an error. The journal goes late, so that Reap can finish after a crash, and the lock
// last, because a reap removes an empty directory without one.
func (s *stateDir) remove() error {
	// A crash while writing the journal leaves a temporary file beside it.
	temporary, err := filepath.Glob(filepath.Join(s.path, "."+journalName+"*"))
	errs := []error{err}
	for _, path := range temporary {
		errs = append(errs, os.Remove(path))
	}
	for _, name := range []string{upperName, workName, rootName, lxdName, journalName, lockName} {
		errs = append(errs, os.RemoveAll(filepath.Join(s.path, name)))
	}
	paths := []string{s.path}
	if entry := s.journal.Entry; entry != "" && entry != s.path {
		paths = append(paths, entry)
	}
	for _, path := range paths {
		if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) { // a reap was faster, or there is no entry yet
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, s.release())...)
}

func (s *stateDir) release() error { return s.lock.Close() }
