package postmortem

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/internal/proc"
)

// Running is a host that runs.
type Running interface {
	fmt.Stringer
	// Stage is the id, on the machine, of the init of its namespaces.
	Stage() int
	// Processes are those of the host and of everything on it, by their ids on the machine.
	Processes() ([]int, error)
}

// Enter is the command line that runs a program in a container of a host that runs, known by the names of the containers
// from level 1 inwards; none of them: on the host itself. It works by the processes that are there and
// asks no LXD, as a chain is looked into where one does not answer, too.
func Enter(h Running, path, command []string) ([]string, error) {
	pids, err := h.Processes()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h, err)
	}
	at := h.Stage()
	for i, name := range path {
		var beside []string
		if at, beside, err = findInit(pids, at, name); err != nil {
			return nil, fmt.Errorf("%s: %w", h, err)
		}
		if at == 0 {
			return nil, fmt.Errorf("%s: no container %s runs; at that level there are %q", h, strings.Join(path[:i+1], "/"), beside)
		}
	}
	// nsenter, as it takes a process of one thread to enter user and mount namespaces. It is in every Debian (util-linux).
	return append([]string{"nsenter", "--target", strconv.Itoa(at), "--all", "--wdns=/", "--"}, command...), nil
}

// findInit finds the init of a container of the given name, by its monitor, which runs in the pid namespace of the process
// `around`. It is 0 where there is none; beside are the names of those that there are.
func findInit(pids []int, around int, name string) (init int, beside []string, err error) {
	space, err := os.Stat(proc.Path(around, "ns/pid"))
	if err != nil {
		return 0, nil, err
	}
	monitor := 0
	for _, pid := range pids {
		own, err := os.Stat(proc.Path(pid, "ns/pid"))
		if err != nil || !os.SameFile(space, own) { // it may have ended meanwhile
			continue
		}
		command, _ := os.ReadFile(proc.Path(pid, "cmdline"))
		if container := monitored(string(command)); container != "" && !slices.Contains(beside, container) {
			beside = append(beside, container)
			if container == name {
				monitor = pid
			}
		}
	}
	for _, pid := range pids {
		status, err := os.ReadFile(proc.Path(pid, "status"))
		if err != nil {
			continue // it has ended
		}
		p, err := proc.ParseStatus(string(status))
		if monitor != 0 && err == nil && p.Innermost() == "1" && p.Parent == strconv.Itoa(monitor) {
			return pid, beside, nil
		}
	}
	slices.Sort(beside)
	return 0, beside, nil
}

// monitored is the container that a process watches over, "" for one that is no monitor: these call themselves
// "[lxc monitor] /var/lib/lxd/containers c1" (liblxc: lxccontainer.c, do_lxcapi_start).
func monitored(cmdline string) string {
	fields := strings.Fields(strings.ReplaceAll(cmdline, "\x00", " "))
	if len(fields) != 4 || fields[0] != "[lxc" || fields[1] != "monitor]" {
		return ""
	}
	return fields[3]
}
