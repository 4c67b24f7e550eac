package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"nestbed/harness/wait"
)

// Leftover is a state directory found by Leftovers.
type Leftover struct {
	// Path is the state directory, Name that of its host.
	Path string `json:"path"`
	Name string `json:"name"`
	// Live tells that its host runs; Kept that it was kept on purpose.
	Live bool `json:"live"`
	Kept bool `json:"kept"`
	// Pid is the process that made it, Command how that was called.
	Pid     int    `json:"pid"`
	Command string `json:"command"`

	stage int
}

// Leftovers lists the hosts under StateRoot, live ones included. Directories without a journal of ours are passed over.
func Leftovers() ([]Leftover, error) {
	entries, err := os.ReadDir(StateRoot())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var found []Leftover
	for _, e := range entries {
		l, err := look(filepath.Join(StateRoot(), e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		found = append(found, l)
	}
	return found, nil
}

func look(dir string) (Leftover, error) {
	j, err := readJournal(dir)
	if err != nil {
		return Leftover{}, err
	}
	if target, err := os.Readlink(dir); err == nil {
		dir = target
	}
	l := Leftover{Path: dir, Name: j.Name, Kept: j.Kept, Pid: j.Pid, Command: j.Command, stage: j.Stage}
	s := &stateDir{path: dir}
	if err := s.tryLock(); errors.Is(err, ErrBusy) {
		l.Live = true
		return l, nil
	} else if err != nil {
		return l, err
	}
	return l, s.release()
}

// Reap clears what dead hosts left under StateRoot, cgroups and state, and
// returns what it cleared. A live host is never touched, kept or not; a kept
// one that has died, with the machine say, is cleared like any other.
func Reap(ctx context.Context) ([]Leftover, error) {
	all, err := Leftovers()
	if err != nil {
		return nil, err
	}
	var cleared []Leftover
	var errs []error
	for _, l := range all {
		if l.Live {
			continue
		}
		switch err := clearAway(ctx, l.Path); {
		case errors.Is(err, ErrBusy) || errors.Is(err, fs.ErrNotExist): // another run was faster
		case err != nil:
			errs = append(errs, err)
		default:
			cleared = append(cleared, l)
		}
	}
	return cleared, errors.Join(errs...)
}

// End ends one host by its name or state directory, a kept one too, and clears what it left.
// A live host that was not kept belongs to its process and is refused.
func End(ctx context.Context, name string) error {
	dir := name
	if !filepath.IsAbs(name) && filepath.Base(name) == name {
		dir = filepath.Join(StateRoot(), name)
	}
	l, err := look(dir)
	if err != nil {
		return fmt.Errorf("host %s: no journal of nestbed: %w; nestbed reap --list shows the hosts", name, err)
	}
	if l.Live && !l.Kept {
		return fmt.Errorf("host %s: %w by process %d (%s); end that one", name, ErrBusy, l.Pid, l.Command)
	}
	if l.Live {
		// The lock is held by the stage alone, so its pid in the journal is its own still.
		if err := unix.Kill(l.stage, unix.SIGKILL); err != nil {
			return fmt.Errorf("host %s: end process %d: %w", name, l.stage, err)
		}
	}
	return clearAway(ctx, l.Path)
}

// clearAway removes a dead host's cgroups and state.
func clearAway(ctx context.Context, dir string) error {
	s := &stateDir{path: dir}
	err := wait.For(ctx, "wait for the last process of "+dir, emptyBudget, func(context.Context) error {
		err := s.tryLock()
		if err != nil && !errors.Is(err, ErrBusy) {
			return wait.Final(err)
		}
		return err
	})
	if err != nil {
		return err
	}
	if s.journal, err = readJournal(dir); err != nil {
		return errors.Join(err, s.release())
	}
	if err := cgroups(s.journal.Cgroups).remove(ctx); err != nil {
		return errors.Join(fmt.Errorf("host %s: %w", s.journal.Name, err), s.release())
	}
	return s.remove()
}
