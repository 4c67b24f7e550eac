package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/host"
	"nestbed/harness/internal/excerpt"
	"nestbed/harness/internal/proc"
)

// processLines is how many lines a list of processes has.
const processLines = 100

// HostProcesses are those of the host that are in no level, known by their pids on the machine.
func HostProcesses(h *host.Host) (string, error) {
	pids, err := h.Processes()
	if err != nil {
		return "", err
	}
	own, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", h.Pid()))
	if err != nil {
		return "", err
	}
	uid := func(id uint32) uint32 { return id }
	return processes(os.ReadFile, pids, len(proc.Parse("", string(own)).PIDs), uid)
}

// LevelProcesses are those of a level that are in none further inside, known by their pids there.
func LevelProcesses(root *host.Root) (string, error) {
	names, err := root.Names("/proc")
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
		uid, _, err := root.OnHost(id, 0)
		if err != nil {
			return id
		}
		return uid
	}
	return processes(root.ReadFile, pids, 1, onHost)
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
		if p := proc.Parse(name, string(status)); len(p.PIDs) == namespaces {
			command, _ := readFile(filepath.Join("/proc", name, "cmdline"))
			lines = append(lines, p.Describe(onHost(p.UID), string(command)))
		}
	}
	return strings.Join(excerpt.Shorten(lines, processLines), "\n"), nil
}
