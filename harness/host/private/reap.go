package private

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/host"
	"nestbed/harness/internal/cgroup"
	"nestbed/harness/trust"
	"nestbed/harness/wait"
)

// A Leftover is a host that Leftovers found by its state directory.
type Leftover struct {
	// Path is the state directory, Name the name of the host.
	Path string `json:"path"`
	Name string `json:"name"`
	// Live reports whether the host runs, Kept whether Keep was called.
	Live bool `json:"live"`
	Kept bool `json:"kept"`
	// Pid is the process that made the host, Command its command line.
	Pid     int    `json:"pid"`
	Command string `json:"command"`

	stage  int
	groups cgroup.Groups
}

// Leftovers lists the hosts under the root, dead and alive, and hosts in memory whose root was
// removed. Directories without a journal of nestbed are ignored.
//
// Hosts in memory that were made in another mount namespace, such as a container's, belong to the
// processes there. Leftovers lists them only if no such process is left, and only in the
// machine's own pid namespace, which shows all processes.
func (r StateRoot) Leftovers() ([]Leftover, error) {
	places, err := r.entries()
	if err != nil {
		return nil, err
	}
	orphans, err := r.orphansInMemory()
	if err != nil {
		return nil, err
	}
	var found []Leftover
	for _, place := range append(places, orphans...) {
		// A directory that is no host of ours must not hide the others.
		if l, err := inspect(place); err == nil {
			found = append(found, l)
		}
	}
	return found, nil
}

// entries returns the paths under the root that may be hosts.
func (r StateRoot) entries() ([]string, error) {
	// Callers end and remove what they find there.
	if err := trust.Dir(r.Path()); err != nil {
		return nil, fmt.Errorf("state directory: %w", err)
	}
	found, err := os.ReadDir(r.Path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range found {
		if !strings.HasPrefix(e.Name(), newPrefix) {
			paths = append(paths, r.entry(e.Name()))
		}
	}
	return paths, nil
}

func inspect(dir string) (Leftover, error) {
	if err := trust.Dir(dir); err != nil {
		return Leftover{}, err
	}
	j, err := readJournal(dir)
	if err != nil {
		return Leftover{}, err
	}
	if target, err := os.Readlink(dir); err == nil {
		dir = target
	}
	l := Leftover{Path: dir, Name: j.Name, Kept: j.Kept, Pid: j.Pid, Command: j.Command, stage: j.Stage, groups: j.Cgroups}
	s := &stateDir{path: dir}
	if err := s.tryLock(0); errors.Is(err, host.ErrBusy) {
		l.Live = true
		return l, nil
	} else if err != nil {
		return l, err
	}
	return l, s.release()
}

// ErrUnknown is the error of a name or directory that belongs to no host.
var ErrUnknown = errors.New("no journal of nestbed")

// find returns the host with the given name or state directory.
func (r StateRoot) find(name string) (Leftover, error) {
	dir := name
	if hostName.MatchString(name) {
		dir = r.entry(name)
	}
	l, err := inspect(dir)
	if err != nil {
		return l, fmt.Errorf("host %s: %w: %w", name, ErrUnknown, err)
	}
	return l, nil
}

// Reap removes the cgroups and state of dead hosts, and returns those hosts. It never touches a
// live host. A kept host that died, for example with the machine, is removed like any other.
func (r StateRoot) Reap(ctx context.Context) ([]Leftover, error) {
	places, err := r.entries()
	if err != nil {
		return nil, err
	}
	var cleared []Leftover
	errs := []error{r.clearUnfinished()}
	for _, entry := range places {
		if _, err := os.Stat(entry); errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, removeDanglingEntry(ctx, entry))
			continue
		}
		if err := r.repairJournal(entry); err != nil && !errors.Is(err, host.ErrBusy) && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	all, err := r.Leftovers()
	if err != nil {
		return nil, err
	}
	for _, l := range all {
		if l.Live {
			continue
		}
		switch err := removeDead(ctx, l.Path); {
		case errors.Is(err, host.ErrBusy) || errors.Is(err, fs.ErrNotExist): // another run was faster
		case err != nil:
			errs = append(errs, err)
		default:
			cleared = append(cleared, l)
		}
	}
	return cleared, errors.Join(errs...)
}

// End ends a kept host and removes what it left. name is its name or state directory. A dead host
// is removed, too. A live host that was not kept belongs to its process: the error is ErrBusy.
func (r StateRoot) End(ctx context.Context, name string) error {
	l, err := r.find(name)
	if err != nil {
		return err
	}
	if l.Live && !l.Kept {
		return fmt.Errorf("host %s: %w by process %d (%s); end that process", name, host.ErrBusy, l.Pid, l.Command)
	}
	if l.Live {
		if err := l.kill(); err != nil {
			return fmt.Errorf("host %s: %w", name, err)
		}
	}
	if err := removeDead(ctx, l.Path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Another run was faster, but may not have finished.
	return wait.For(ctx, "wait for another run to clear host "+l.Name, cgroup.EmptyBudget, func(context.Context) error {
		for _, path := range []string{l.Path, r.entry(l.Name)} {
			if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
				return errors.Join(fmt.Errorf("%s is still there", path), err)
			}
		}
		return nil
	})
}

// kill ends the init of a host, and with it everything on the host. It kills the pid of the
// journal only if that process is really this host's init.
func (l Leftover) kill() error {
	// The descriptor cannot come to mean another process, even if the pid is used again.
	fd, err := unix.PidfdOpen(l.stage, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	} else if err != nil {
		return fmt.Errorf("process %d: %w", l.stage, err)
	}
	defer unix.Close(fd)
	command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", l.stage))
	if err != nil {
		return err
	}
	argv := strings.Split(string(command), "\x00")
	var order stageOrder
	if len(argv) < 2 || argv[0] != stageName || json.Unmarshal([]byte(argv[1]), &order) != nil || order.State != l.Path {
		return fmt.Errorf("process %d is %q, expected the init of host %s; end the host by hand", l.stage, argv[0], l.Name)
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("end process %d: %w", l.stage, err)
	}
	return nil
}

// removeDanglingEntry removes the entry and cgroups of a host whose state directory somebody
// deleted. The entry's name is the name of the host.
func removeDanglingEntry(ctx context.Context, entry string) error {
	if _, err := os.Lstat(entry); errors.Is(err, fs.ErrNotExist) {
		return nil // the host was closed meanwhile
	}
	groups, err := cgroup.Plan(filepath.Base(entry))
	if err != nil {
		return err
	}
	return errors.Join(groups.Remove(ctx), clearProfiles(filepath.Base(entry)), os.Remove(entry))
}

// removeDead removes a dead host's cgroups and state.
func removeDead(ctx context.Context, dir string) error {
	s := &stateDir{path: dir}
	err := wait.For(ctx, "wait for the last process of "+dir, cgroup.EmptyBudget, func(context.Context) error {
		err := s.tryLock(0)
		if err != nil && !errors.Is(err, host.ErrBusy) {
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
	if err := errors.Join(cgroup.Groups(s.journal.Cgroups).Remove(ctx), clearProfiles(s.journal.Name)); err != nil {
		return errors.Join(fmt.Errorf("host %s: %w", s.journal.Name, err), s.release())
	}
	return s.remove()
}
