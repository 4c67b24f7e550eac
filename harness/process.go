package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/host"
	"nestbed/harness/internal/excerpt"
	"nestbed/harness/internal/inroot"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/internal/proc"
	"nestbed/harness/reach"
)

// Pid returns the pid of the level's init on this machine. The LXD above knows only the pid that
// this init has in the level above.
func (l *Level) Pid() (int, error) {
	pid, err := PIDIn(l.root, 1)
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	return pid, nil
}

// Init returns a name for the level's init that no other process of the machine ever has: its pid
// namespace and its start time in ticks since boot (man 5 proc_pid_stat). The kernel reuses
// namespace numbers, so the namespace alone would not do.
func (l *Level) Init(ctx context.Context) (string, error) {
	namespace, err := l.root.PIDNamespace(ctx)
	if err != nil {
		return "", fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	stat, err := l.ReadFile(ctx, "/proc/1/stat")
	if err != nil {
		return "", err
	}
	start, err := proc.ParseStart(stat)
	if err != nil {
		return "", fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	return fmt.Sprint(namespace, " since ", start), nil
}

// processIn returns the process with the given pid in the pid namespace of a root. Its name must
// be one of names. A descriptor holds the process, so that no signal reaches another process that
// gets the pid later. The caller must call Release.
func processIn(root *reach.Root, inside int, names ...string) (*os.Process, error) {
	pid, err := PIDIn(root, inside)
	if err != nil {
		return nil, err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	// The pid may have been reused before the descriptor was opened, so compare again.
	now, err := PIDIn(root, inside)
	if err == nil && now != pid {
		err = fmt.Errorf("process %d: it has ended", inside)
	}
	var name []byte
	if err == nil {
		name, err = os.ReadFile(proc.Path(pid, "comm"))
	}
	if found := strings.TrimSpace(string(name)); err == nil && !slices.Contains(names, found) {
		err = fmt.Errorf("process %d: it is %q, expected one of %q", inside, found, names)
	}
	if err != nil {
		return nil, errors.Join(err, p.Release())
	}
	return p, nil
}

// daemonNames are the process names of LXD and Incus.
var daemonNames = []string{"lxd", "incusd"}

// signalDaemon sends a signal to the daemon of a root, by its pid there.
func signalDaemon(root *reach.Root, inside int, signal unix.Signal) error {
	p, err := processIn(root, inside, daemonNames...)
	if err != nil {
		return err
	}
	return errors.Join(p.Signal(signal), p.Release())
}

// PIDIn returns the pid on this machine of the process with the given pid in the pid namespace of
// a root.
func PIDIn(root *reach.Root, inside int) (int, error) {
	local, err := root.Local()
	if err != nil {
		return 0, err
	}
	wanted, err := local.Process(inside)
	if err != nil {
		return 0, err
	}
	defer wanted.Close()
	machine, err := inroot.Open("/")
	if err != nil {
		return 0, err
	}
	defer machine.Close()
	space, err := wanted.Namespace("pid")
	if err != nil {
		return 0, err
	}
	defer space.Close()
	namespace, err := space.Stat()
	if err != nil {
		return 0, err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, dir := range processes {
		own, err := os.Stat(filepath.Join(dir, "ns/pid"))
		if err != nil || !os.SameFile(namespace, own) { // it may have ended meanwhile
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			return 0, err
		}
		if isProcess(machine, pid, wanted) {
			return pid, nil
		}
	}
	return 0, fmt.Errorf("process %d: not found on this machine", inside)
}

// isProcess reports whether a process of the machine is the wanted one, by its start time and its
// pids in the wanted one's pid namespace. The caller has compared the namespaces.
func isProcess(machine *inroot.Root, pid int, wanted *inroot.Process) bool {
	p, err := machine.Process(pid)
	if err != nil {
		return false // it has ended
	}
	defer p.Close()
	outer := len(p.PIDs) - len(wanted.PIDs)
	return outer >= 0 && slices.Equal(p.PIDs[outer:], wanted.PIDs) && p.Started == wanted.Started
}

// DaemonProcess returns the process of a daemon, held by a descriptor: a signal never reaches
// another process. The caller must call Release.
func DaemonProcess(ctx context.Context, of Daemon) (*os.Process, error) {
	server, _, err := lxdop.With(ctx, of.LXD()).GetServer()
	if err != nil {
		return nil, err
	}
	return processIn(of.Root(), server.Environment.ServerPid, daemonNames...)
}

// SameUserNamespace reports whether the inits of two roots are in the same user namespace.
func SameUserNamespace(ctx context.Context, above, below *reach.Root) (bool, error) {
	a, err := above.UserNamespace(ctx)
	if err != nil {
		return false, err
	}
	b, err := below.UserNamespace(ctx)
	return err == nil && a == b, err
}

// processLines bounds the length of a list of processes.
const processLines = 100

// HostProcesses lists the processes of the host that are in no level, by their pids on this
// machine.
func HostProcesses(h host.Host) (string, error) {
	pids, err := host.Processes(h)
	if err != nil {
		return "", err
	}
	own, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Pid()))
	if err != nil {
		return "", err
	}
	uid := func(id uint32) uint32 { return id }
	init, err := proc.ParseStatus(string(own))
	if err != nil {
		return "", err
	}
	return processes(os.ReadFile, pids, len(init.PIDs), uid)
}

// LevelProcesses lists the processes of a level that are in no deeper level, by their pids there.
func LevelProcesses(ctx context.Context, root *reach.Root) (string, error) {
	names, err := root.Names(ctx, "/proc")
	if err != nil {
		return "", err
	}
	var pids []int
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil {
			pids = append(pids, pid)
		}
	}
	slices.Sort(pids)
	onHost := func(id uint32) uint32 {
		uid, _, err := root.OnHost(ctx, id, 0)
		if err != nil {
			return id
		}
		return uid
	}
	return processes(func(path string) ([]byte, error) { return root.ReadFile(ctx, path) }, pids, 1, onHost)
}

// processes lists those of the given processes that are in exactly so many pid namespaces, counted
// from that of /proc, with the host id of their user.
func processes(readFile func(string) ([]byte, error), pids []int, namespaces int, onHost func(uid uint32) uint32) (string, error) {
	var lines []string
	for _, pid := range pids {
		name := fmt.Sprint(pid)
		status, err := readFile(filepath.Join("/proc", name, "status"))
		if err != nil {
			continue // it has ended
		}
		if p, err := proc.ParseStatus(string(status)); err == nil && len(p.PIDs) == namespaces {
			command, _ := readFile(filepath.Join("/proc", name, "cmdline"))
			lines = append(lines, p.Describe(name, onHost(p.UID), string(command)))
		}
	}
	return strings.Join(excerpt.Shorten(lines, processLines), "\n"), nil
}
