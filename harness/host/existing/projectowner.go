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

// owner identifies a process, so that any process on the same machine can check whether it is
// alive.
type owner struct {
	// Machine is the content of /etc/machine-id (man 5 machine-id), empty if there is none. Boot
	// and Namespace are the boot and pid namespace in which Pid is valid. Started is the start
	// time of the process in ticks since boot (man 5 proc_pid_stat), because pids are used again.
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

// startedAt returns when a process was started, in ticks since boot.
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

// state is the state of a process, as far as another process can know it.
type state int

const (
	unknown state = iota // on another machine or in another pid namespace
	running
	ended
)

// seenFrom returns what the process here knows about the owner of a project. remote reports
// whether other machines may use the LXD of the project. Clones of a machine have the same
// machine-id, so a different boot then need not be an earlier one.
func (o owner) seenFrom(here owner, remote bool) (state, error) {
	switch {
	case o.Boot != here.Boot && o.Machine != "" && o.Machine == here.Machine && !remote:
		return ended, nil // before the machine was rebooted
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

// hidden reports whether the process exists but is not shown, because it belongs to another
// account and /proc is mounted that way (man 5 proc, hidepid).
func (o owner) hidden() bool {
	pid, err := strconv.Atoi(o.Pid)
	return err == nil && isHidden(pid)
}

func isHidden(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.EPERM) }

// stateOf returns the state of the process that made the project with this configuration.
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
