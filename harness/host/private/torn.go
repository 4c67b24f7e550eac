package private

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"nestbed/harness/host"
)

// clearUncreated clears what is left of hosts that were killed before they had a journal: what they
// held is a directory, with a lock in it at most, and no lock is held.
func (r StateRoot) clearUncreated() error {
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
		case errors.Is(err, host.ErrBusy): // it is being made
		case errors.Is(err, fs.ErrNotExist):
			errs = append(errs, removeUnlocked(dir))
		case err != nil:
			errs = append(errs, err)
		default:
			if err := s.remove(); !errors.Is(err, fs.ErrNotExist) { // another reap was faster
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// removeUnlocked removes a directory without a lock in it. One that is being made, and would
// get its lock now, is made again; one with other things in it stays.
func removeUnlocked(dir string) error {
	err := os.Remove(dir)
	_, unlocked := os.Lstat(filepath.Join(dir, lockName))
	_, gone := os.Lstat(dir) // looked for last: with its lock it got its name
	if unlocked == nil || gone != nil {
		return nil
	}
	return err
}

// repairJournal writes the journal of an entry under StateRoot again, if a loss of power has cut it:
// whatever was made has the name of the entry. A host that lives keeps what it wrote.
func (r StateRoot) repairJournal(entry string) error {
	dir, err := filepath.EvalSymlinks(entry)
	if err != nil {
		return err
	}
	if _, err := readJournal(dir); !errors.Is(err, errCut) {
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
