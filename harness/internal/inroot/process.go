package inroot

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"nestbed/harness/internal/proc"
)

// Process is a process in the /proc of a root. It holds the process's directory there, so it can
// not be confused with a later process that has the same id.
type Process struct {
	// PIDs are its ids in the pid namespace of that /proc and in the namespaces below, outermost
	// first.
	PIDs []int
	// Started is its start time, in clock ticks since boot (man 5 proc_pid_stat).
	Started uint64

	dir *os.File
}

// Process opens a process by its id.
func (r *Root) Process(pid int) (*Process, error) {
	name := fmt.Sprintf("/proc/%d", pid)
	p, err := r.process(pid)
	if err != nil {
		return nil, failed("open", name, err)
	}
	return p, nil
}

func (r *Root) process(pid int) (p *Process, err error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	proc, err := r.proc()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	if p, err = openProcess(proc, pid); err != nil {
		return nil, err
	}
	if p.Started, p.PIDs, err = p.read(); err != nil {
		return nil, errors.Join(err, p.dir.Close())
	}
	return p, nil
}

func openProcess(proc *os.File, pid int) (*Process, error) {
	dir, err := beneath(proc, strconv.Itoa(pid), unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	return &Process{dir: dir}, nil
}

// isOwn fails unless a procfs shows the process whose root this is, under its id in its own pid
// namespace.
func (r *Root) isOwn(proc *os.File) error {
	if r.of == nil {
		return nil
	}
	pid := r.of.PIDs[len(r.of.PIDs)-1]
	shown, err := openProcess(proc, pid)
	if err != nil {
		return err
	}
	defer shown.Close()
	started, _, err := shown.read()
	if err != nil {
		return err
	}
	same := started == r.of.Started
	if same {
		same, err = r.of.SameNamespace(shown, "pid")
	}
	if err == nil && !same {
		err = fmt.Errorf("/proc shows process %d started at %[3]d, expected the process of this root, started at %[2]d", pid, r.of.Started, started)
	}
	return err
}

// Close closes the process.
func (p *Process) Close() { _ = p.dir.Close() } // as in Root.Close

// Root opens the root directory of the process. The Root remains valid after the Process is
// closed.
func (p *Process) Root() (*Root, error) {
	dir, err := p.mounted("root")
	if err != nil {
		return nil, err
	}
	of, err := openat(p.dir, ".", unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &Root{dir: dir, of: &Process{PIDs: p.PIDs, Started: p.Started, dir: of}}, nil
}

// Program opens the executable of the process for reading.
func (p *Process) Program() (*os.File, error) {
	found, err := p.mounted("exe")
	if err != nil {
		return nil, err
	}
	defer found.Close()
	if err := expect(found, "exe", unix.S_IFREG); err != nil {
		return nil, err
	}
	return pathrs.Reopen(found, unix.O_RDONLY|unix.O_NONBLOCK)
}

// mounted follows a magic link. It fails unless the link leads to a mount in the mount namespace
// of the process.
func (p *Process) mounted(link string) (found *os.File, err error) {
	if found, err = openat(p.dir, link, unix.O_PATH); err != nil {
		return nil, p.failed(link, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(p.failed(link, err), found.Close())
		}
	}()
	var stat unix.Statx_t
	if err := unix.Statx(int(found.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_MNT_ID, &stat); err != nil {
		return found, err
	}
	text, err := p.readFile("mountinfo")
	if err != nil {
		return found, err
	}
	mounts, err := mountinfo.GetMountsFromReader(bytes.NewReader(text), nil)
	if err != nil {
		return found, err
	}
	// Root of a level can mount something over the link.
	if !slices.ContainsFunc(mounts, func(m *mountinfo.Info) bool { return uint64(m.ID) == stat.Mnt_id }) {
		return found, fmt.Errorf("it is a link to mount %d, which is not in the mount namespace of the process", stat.Mnt_id)
	}
	return found, p.check()
}

// check fails if the process has ended.
func (p *Process) check() error {
	started, pids, err := p.read()
	if err == nil && (started != p.Started || !slices.Equal(pids, p.PIDs)) {
		err = fmt.Errorf("process %v, started at %d, has ended: read process %v, started at %d", p.PIDs, p.Started, pids, started)
	}
	return err
}

// read reads the start time and the ids of the process.
func (p *Process) read() (started uint64, pids []int, err error) {
	stat, err := p.readFile("stat")
	if err != nil {
		return 0, nil, err
	}
	if started, err = proc.ParseStart(stat); err != nil {
		return 0, nil, err
	}
	status, err := p.readFile("status")
	if err != nil {
		return 0, nil, err
	}
	parsed, err := proc.ParseStatus(string(status))
	if err != nil {
		return 0, nil, err
	}
	for _, field := range parsed.PIDs {
		pid, err := strconv.Atoi(field)
		if err != nil {
			return 0, nil, err
		}
		pids = append(pids, pid)
	}
	return started, pids, nil
}

// readFile reads a file in the process's directory.
func (p *Process) readFile(name string) ([]byte, error) {
	f, err := beneath(p.dir, name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOFOLLOW)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, TextLimit+1))
	if err == nil && len(text) > TextLimit {
		err = fmt.Errorf("%s: it has more than %d bytes", name, TextLimit)
	}
	return text, err
}

func (p *Process) failed(file string, err error) error {
	name := "of a process"
	if len(p.PIDs) > 0 {
		name = fmt.Sprint("/proc/", p.PIDs[0], "/", file)
	}
	return failed("open", name, err)
}
