package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sys/unix"
)

const (
	lockName    = "lock"
	journalName = "journal.json"
)

// journal says what stands outside the state directory, so that whoever finds
// the directory can clear the rest as well.
type journal struct {
	Name string `json:"name"`
	// Entry is where the host is entered under StateRoot: the directory itself, or a link to it.
	Entry   string    `json:"entry"`
	Created time.Time `json:"created"`
	// Pid is the process that made the host, Stage the init of its namespaces:
	// for people to read. Whether they live is told by the lock, not by the pid.
	Pid     int      `json:"pid"`
	Stage   int      `json:"stage,omitempty"`
	Command string   `json:"command"`
	Cgroups []string `json:"cgroups"`
	Kept    bool     `json:"kept"`
}

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
func claim(ctx context.Context, dir string) (*stateDir, error) {
	if err := os.MkdirAll(StateRoot(), 0o700); err != nil {
		return nil, fmt.Errorf("state directory: %w; set NESTBED_STATE to a directory that can be written", err)
	}
	own, err := os.MkdirTemp(StateRoot(), "")
	if err != nil {
		return nil, fmt.Errorf("state directory: %w; set NESTBED_STATE to a directory that can be written", err)
	}
	s := &stateDir{path: own}
	s.journal = journal{
		Name: filepath.Base(own), Entry: own, Created: time.Now().UTC(), Pid: os.Getpid(), Command: strings.Join(os.Args, " "),
	}
	if dir != "" {
		if err := s.moveTo(ctx, dir); err != nil {
			return nil, errors.Join(err, os.Remove(own))
		}
	}
	if err := s.tryLock(os.O_CREATE); err != nil {
		return nil, err
	}
	groups, err := planCgroups(s.journal.Name)
	if err == nil {
		s.journal.Cgroups = groups
		err = s.write()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("state directory %s: %w", s.path, err), s.remove())
	}
	return s, nil
}

// moveTo puts a link to the given directory in the place of the new one.
func (s *stateDir) moveTo(ctx context.Context, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if err := vacate(ctx, dir); err != nil {
		return err
	}
	link := s.journal.Entry
	if err := errors.Join(os.Remove(link), os.Symlink(dir, link)); err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	s.path = dir
	return nil
}

// vacate clears a directory that a dead host left, and refuses one with things in it that no host of ours put there.
func vacate(ctx context.Context, dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("state directory: %w", err)
	}
	if len(entries) == 0 {
		return nil
	}
	if _, err := readJournal(dir); err != nil {
		return fmt.Errorf("state directory %s: not empty, and no journal of nestbed in it; give an empty or new directory", dir)
	}
	s := &stateDir{path: dir}
	if err := s.tryLock(0); err != nil {
		return err
	}
	if err := s.release(); err != nil {
		return err
	}
	if err := clearAway(ctx, dir); err != nil {
		return err
	}
	return os.Mkdir(dir, 0o700)
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
		return errors.Join(fmt.Errorf("state directory %s: %w by %s; give another one or wait for it", s.path, ErrBusy, owner), f.Close())
	}
	s.lock = f
	return nil
}

// ErrBusy is why a state directory is left alone: its host lives.
var ErrBusy = errors.New("in use")

// readJournal reads the journal of a directory. A file of that name that no host of ours wrote is an
// error: what stands in a journal is removed.
func readJournal(dir string) (journal, error) {
	var j journal
	path := filepath.Join(dir, journalName)
	text, err := os.ReadFile(path)
	if err != nil {
		return j, err
	}
	if err := json.Unmarshal(text, &j); err != nil {
		return j, fmt.Errorf("%s: %w", path, err)
	}
	if j.Name == "" || j.Name != filepath.Base(j.Name) {
		return j, fmt.Errorf("%s: the name is %q, expected that of a host", path, j.Name)
	}
	if j.Entry != "" && filepath.Base(j.Entry) != j.Name {
		return j, fmt.Errorf("%s: the entry is %q, expected one named %s", path, j.Entry, j.Name)
	}
	for _, group := range j.Cgroups {
		if filepath.Base(group) != cgroupPrefix+j.Name {
			return j, fmt.Errorf("%s: the cgroup is %q, expected one named %s", path, group, cgroupPrefix+j.Name)
		}
	}
	return j, nil
}

// write replaces the journal at one stroke: it is either the old or the new one, after a crash too.
func (s *stateDir) write() error {
	text, err := json.MarshalIndent(s.journal, "", "  ")
	if err != nil {
		return err
	}
	return renameio.WriteFile(filepath.Join(s.path, journalName), text, 0o600)
}

func (s *stateDir) keep() error {
	s.journal.Kept = true
	return s.write()
}

// remove removes what a host puts into the directory, then the directory; what
// somebody else put there stays, and is an error. The journal goes last, so that a
// crash on the way can be reaped.
func (s *stateDir) remove() error {
	var errs []error
	for _, name := range []string{upperName, workName, rootName, lxdName, journalName, lockName} {
		errs = append(errs, os.RemoveAll(filepath.Join(s.path, name)))
	}
	errs = append(errs, os.Remove(s.path))
	if entry := s.journal.Entry; entry != "" && entry != s.path {
		errs = append(errs, os.Remove(entry))
	}
	return errors.Join(append(errs, s.release())...)
}

func (s *stateDir) release() error { return s.lock.Close() }
