package existing

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/proc"
)

// owner names a process so that any other on its machine can tell whether it lives.
type owner struct {
	// Machine is the file machine-id of the machine (man 5 machine-id), empty where it has none; Boot and Namespace are those that
	// the Pid counts in, and Started is when it was, in ticks since the boot (man 5 proc_pid_stat): pids are given again.
	Machine, Boot, Namespace, Pid, Started string
}

func thisProcess() (o owner, err error) {
	machine, err := os.ReadFile("/etc/machine-id")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return o, err
	}
	o = owner{Machine: strings.TrimSpace(string(machine)), Boot: strings.TrimSpace(string(boot)), Pid: fmt.Sprint(os.Getpid())}
	if o.Namespace, err = os.Readlink("/proc/self/ns/pid"); err != nil {
		return o, err
	}
	o.Started, err = startedAt(o.Pid)
	return o, err
}

func (o owner) String() string {
	return strings.Join([]string{o.Machine, o.Boot, o.Namespace, o.Pid, o.Started}, "/")
}

func parseOwner(text string) (owner, error) {
	parts := strings.Split(text, "/")
	if len(parts) != 5 {
		return owner{}, fmt.Errorf("%s: read %q, expected machine/boot/namespace/pid/start", ownerKey, text)
	}
	return owner{parts[0], parts[1], parts[2], parts[3], parts[4]}, nil
}

// startedAt is when a process was started, in ticks since the boot.
func startedAt(pid string) (string, error) {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return "", err
	}
	start, err := proc.ParseStart(stat)
	if err != nil {
		return "", fmt.Errorf("process %s: %w", pid, err)
	}
	return fmt.Sprint(start), nil
}

// state of a process, as far as another one can know it.
type state int

const (
	unknown state = iota // it is of another machine, or of another pid namespace
	running
	ended
)

// seenFrom returns what a process knows of the owner of a project. remote is whether the LXD that has the project may be used
// from other machines: clones of one machine have the same machine-id, so another boot is then no earlier one for sure.
func (o owner) seenFrom(here owner, remote bool) (state, error) {
	switch {
	case o.Boot != here.Boot && o.Machine != "" && o.Machine == here.Machine && !remote:
		return ended, nil // with an earlier boot
	case o.Boot != here.Boot || o.Namespace != here.Namespace:
		return unknown, nil
	}
	started, err := startedAt(o.Pid)
	switch {
	case errors.Is(err, fs.ErrNotExist) && o.hidden():
		return unknown, nil
	case errors.Is(err, fs.ErrNotExist), err == nil && started != o.Started:
		return ended, nil
	case err != nil:
		return unknown, err
	}
	return running, nil
}

// hidden reports whether the process is there, but not shown: of another account, where /proc is mounted so (man 5 proc, hidepid).
func (o owner) hidden() bool {
	pid, err := strconv.Atoi(o.Pid)
	return err == nil && isHidden(pid)
}

func isHidden(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.EPERM) }

// stateOf returns the state of the process whose project has this configuration.
func stateOf(config map[string]string, remote bool) (state, error) {
	o, err := parseOwner(config[ownerKey])
	if err != nil {
		return unknown, err
	}
	here, err := thisProcess()
	if err != nil {
		return unknown, err
	}
	return o.seenFrom(here, remote)
}
