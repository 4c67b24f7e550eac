package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/inroot"
	"nestbed/harness/reach"
)

// Pid is the id, on the machine, of the level's init. The LXD above knows it
// only by the id that it has in that level.
func (l *Level) Pid() (int, error) {
	pid, err := pidIn(l.root, 1)
	if err != nil {
		return 0, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	return pid, nil
}

// Init names the level's init as no other process of the machine is named: by its pid namespace, and by when it was started, in ticks
// since the boot (man 5 proc_pid_stat), as the kernel gives the numbers of namespaces again.
func (l *Level) Init() (string, error) {
	namespace, err := l.root.PIDNamespace()
	if err != nil {
		return "", fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	stat, err := l.ReadFile("/proc/1/stat")
	if err != nil {
		return "", err
	}
	// The name, in parentheses, can have any character.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("level %d: /proc/1/stat: read %q, expected 52 fields", l.Index, stat)
	}
	return namespace + " since " + fields[19], nil
}

// processIn returns the process that has the given id in the pid namespace of a root, and is called by one of the
// names. It is held by a descriptor: a signal reaches it or nobody, whoever gets its id later. Release lets go of it.
func processIn(root *reach.Root, inside int, names ...string) (*os.Process, error) {
	pid, err := pidIn(root, inside)
	if err != nil {
		return nil, err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return nil, err
	}
	// Whether the descriptor is that of the process meant is only known from here on.
	now, err := pidIn(root, inside)
	if err == nil && now != pid {
		err = fmt.Errorf("process %d: it has ended", inside)
	}
	var name []byte
	if err == nil {
		name, err = os.ReadFile(procOf(pid, "comm"))
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

// pidIn is the id, on the machine, of the process that has the given one in the pid namespace of a root.
func pidIn(root *reach.Root, inside int) (int, error) {
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
