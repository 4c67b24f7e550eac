package private

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"nestbed/harness/host"
)

// clearUnfinished removes what is left of hosts that were killed before they had a journal:
// directories that contain nothing but a lock that nobody holds, or not even that.
func (r StateRoot) clearUnfinished() error {
	made, err := filepath.Glob(filepath.Join(r.Path(), newPrefix+"*"))
	if err != nil {
		return err
	}
	inMemory, err := r.memoryDirs()
	if err != nil {
		return err
	}
	var errs []error
	for _, dir := range inMemory {
		if _, err := os.Stat(filepath.Join(dir, journalName)); errors.Is(err, fs.ErrNotExist) {
			made = append(made, dir)
		}
	}
	for _, dir := range made {
		s := &stateDir{path: dir}
		switch err := s.tryLock(0); {
		case errors.Is(err, host.ErrBusy): // its owner is still making it
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, removeUnlocked(dir))
		case err != nil:
			errs = append(errs, err)
		default:
			errs = append(errs, s.remove())
		}
	}
	return errors.Join(errs...)
}

// removeUnlocked removes a directory without a lock. If its owner was about to make the lock, the
// owner makes a new directory. A directory that is not empty stays, and is an error.
func removeUnlocked(dir string) error {
	err := os.Remove(dir)
	if errors.Is(err, unix.ENOTEMPTY) {
		if _, unlocked := os.Lstat(filepath.Join(dir, lockName)); unlocked == nil {
			return nil // its owner has made the lock by now
		}
		// Another reap may have removed the lock, or the owner renamed the directory.
		err = os.Remove(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// repairJournal rewrites the journal of an entry if a loss of power cut it short. The entry's
// name is enough for that. It does not touch the journal of a live host.
func (r StateRoot) repairJournal(entry string) error {
	dir, err := filepath.EvalSymlinks(entry)
	if err != nil {
		return err
	}
	if _, err := readJournal(dir); !errors.Is(err, errTruncated) {
		return nil
	}
	s := &stateDir{path: dir}
	if err := s.tryLock(0); err != nil {
		return err
	}
	if s.journal, err = r.newJournal(filepath.Base(entry)); err == nil {
		err = s.write()
	}
	return errors.Join(err, s.release())
}
