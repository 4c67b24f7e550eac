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

// Pid is the id, on the machine, of the level's init. The LXD above knows it
// only by the id that it has in that level.
func (l *Level) Pid() (int, error) {
	pid, err := PIDIn(l.root, 1)
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	return pid, nil
}

// Init names the level's init as no other process of the machine is named: by its pid namespace, and by when it was started, in ticks
// since the boot (man 5 proc_pid_stat), as the kernel gives the numbers of namespaces again.
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

// processIn returns the process that has the given id in the pid namespace of a root, and is called by one of the
// names. It is held by a descriptor: a signal reaches it or nobody, whoever gets its id later. Release lets go of it.
func processIn(root *reach.Root, inside int, names ...string) (*os.Process, error) {
	pid, err := PIDIn(root, inside)
	if err != nil {
		return nil, err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	// Whether the descriptor is that of the process meant is only known from here on.
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

// daemonNames are what LXD and Incus are called as processes.
var daemonNames = []string{"lxd", "incusd"}

// signalDaemon sends a signal to the daemon of a root, by its id there.
func signalDaemon(root *reach.Root, inside int, signal unix.Signal) error {
	p, err := processIn(root, inside, daemonNames...)
	if err != nil {
		return err
	}
	return errors.Join(p.Signal(signal), p.Release())
}

// PIDIn is the id, on the machine, of the process that has the given one in the pid namespace of a root.
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
	return 0, fmt.Errorf("process %d: it is not seen on this machine", inside)
}

// isProcess reports whether a process of the machine is the wanted one: by its start time, and by its ids in the pid
// namespace of the wanted one, which the caller has compared.
func isProcess(machine *inroot.Root, pid int, wanted *inroot.Process) bool {
	p, err := machine.Process(pid)
	if err != nil {
		return false // it has ended
	}
	defer p.Close()
	beside := len(p.PIDs) - len(wanted.PIDs)
	return beside >= 0 && slices.Equal(p.PIDs[beside:], wanted.PIDs) && p.Started == wanted.Started
}

// DaemonProcess returns the process of an LXD, which is not confused with one that gets its id later.
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

// processLines is how many lines a list of processes has.
const processLines = 100

// HostProcesses are those of the host that are in no level, known by their pids on the machine.
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

// LevelProcesses are those of a level that are in none further inside, known by their pids there.
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

// processes lists those that are in so many pid namespaces of a /proc, with the host's id of their user.
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
