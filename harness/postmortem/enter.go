package postmortem

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/internal/proc"
)

// Running is a running host.
type Running interface {
	fmt.Stringer
	// Stage returns the pid on this machine of the init of its namespaces.
	Stage() int
	// Processes returns the pids on this machine of the host's processes and of those in its
	// levels.
	Processes() ([]int, error)
}

// Enter returns the command line that runs a program in a container of a running host. path has
// the names of the containers from level 1 inwards; an empty path is the host itself. Enter finds
// the container by its processes, so that it works even if an LXD does not answer.
func Enter(h Running, path, command []string) ([]string, error) {
	pids, err := h.Processes()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h, err)
	}
	at := h.Stage()
	for i, name := range path {
		var siblings []string
		if at, siblings, err = findInit(pids, at, name); err != nil {
			return nil, fmt.Errorf("%s: %w", h, err)
		}
		if at == 0 {
			return nil, fmt.Errorf("%s: container %s does not run; running at that level: %q", h, strings.Join(path[:i+1], "/"), siblings)
		}
	}
	// nsenter can do this because it has a single thread, which user and mount namespaces require.
	// Every Debian has it (util-linux).
	return append([]string{"nsenter", "--target", strconv.Itoa(at), "--all", "--wdns=/", "--"}, command...), nil
}

// findInit returns the pid of the init of the container with that name, or 0 if there is none. The
// init is a child of the container's monitor, which runs in the pid namespace of the process
// around. siblings has the names of all containers there.
func findInit(pids []int, around int, name string) (init int, siblings []string, err error) {
	space, err := os.Stat(proc.Path(around, "ns/pid"))
	if err != nil {
		return 0, nil, err
	}
	monitor := 0
	for _, pid := range pids {
		own, err := os.Stat(proc.Path(pid, "ns/pid"))
		if err != nil || !os.SameFile(space, own) { // it may have ended
			continue
		}
		command, _ := os.ReadFile(proc.Path(pid, "cmdline"))
		if container := monitoredContainer(string(command)); container != "" && !slices.Contains(siblings, container) {
			siblings = append(siblings, container)
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
			return pid, siblings, nil
		}
	}
	slices.Sort(siblings)
	return 0, siblings, nil
}

// monitoredContainer returns the name of the container that a process monitors, or "" for any other
// process. Monitors call themselves "[lxc monitor] /var/lib/lxd/containers c1" (liblxc:
// lxccontainer.c, do_lxcapi_start).
func monitoredContainer(cmdline string) string {
	fields := strings.Fields(strings.ReplaceAll(cmdline, "\x00", " "))
	if len(fields) != 4 || fields[0] != "[lxc" || fields[1] != "monitor]" {
		return ""
	}
	return fields[3]
}
