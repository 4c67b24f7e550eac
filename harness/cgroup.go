package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A Cgroup is the cgroup of a level for one controller of the kernel.
type Cgroup struct {
	Level   int
	dir     string // path on this machine
	unified bool
}

// CgroupOf returns the cgroup of a level, or of the host (level 0), for a controller: memory,
// pids, cpu or cpuset.
func CgroupOf(c *Chain, level int, controller string) (Cgroup, error) {
	dir, v2, err := c.Host.Controller(controller)
	if err != nil {
		return Cgroup{}, err
	}
	for index := 1; index <= level; index++ {
		dir = filepath.Join(dir, "lxc.payload."+LXCName(c, index)) // liblxc: cgroups/cgfsng.c
	}
	return Cgroup{Level: level, dir: dir, unified: v2}, nil
}

// LXCName returns the name that liblxc has for the container of a level.
func LXCName(c *Chain, level int) string {
	if level == 1 {
		return c.Host.LXCName(ContainerName(level))
	}
	return ContainerName(level)
}

// file returns the file name for the cgroup version of the machine. It is "" if v1 has no such
// file.
func (g Cgroup) file(v1, v2 string) string {
	if g.unified {
		return v2
	}
	return v1
}

// read reads the file for the cgroup version of the machine. If field is not empty, read returns
// only the value after that field (Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
func (g Cgroup) read(v1, v2, field string) (string, error) {
	name := g.file(v1, v2)
	if name == "" {
		return "", fmt.Errorf("level %d: cgroup file %s: not available on cgroup v1, which this machine has; use a machine with cgroup v2", g.Level, v2)
	}
	text, err := os.ReadFile(filepath.Join(g.dir, name))
	if err != nil {
		return "", fmt.Errorf("level %d: cgroup: %w", g.Level, err)
	}
	if field == "" {
		return strings.TrimSpace(string(text)), nil
	}
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key == field {
			return value, nil
		}
	}
	return "", fmt.Errorf("level %d: cgroup file %s: read %q, expected a line %s", g.Level, name, text, field)
}

func (g Cgroup) count(v1, v2, field string) (int64, error) {
	text, err := g.read(v1, v2, field)
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("level %d: cgroup file %s: read %q, expected a number", g.Level, g.file(v1, v2), text)
	}
	return n, nil
}

// MemoryLimit returns the memory limit in bytes. On cgroup v2 it fails if there is no limit.
func (g Cgroup) MemoryLimit() (int64, error) {
	return g.count("memory.limit_in_bytes", "memory.max", "")
}

// MemoryHigh returns how many bytes the level may use before the kernel throttles it (memory.high;
// Linux: Documentation/admin-guide/cgroup-v2.rst). It fails if there is no such bound, and always
// on cgroup v1.
func (g Cgroup) MemoryHigh() (int64, error) {
	return g.count("", "memory.high", "")
}

// Throttled returns in how many periods the kernel throttled the level because it had used up its
// own share of the processors.
func (g Cgroup) Throttled() (int64, error) { return g.count("cpu.stat", "cpu.stat", "nr_throttled") }

// Processors returns the processors that the level may use, as a list such as 0-3,5.
func (g Cgroup) Processors() (string, error) {
	return g.read("cpuset.effective_cpus", "cpuset.cpus.effective", "")
}

// Killed returns how many processes the kernel ended because memory ran out. On cgroup v1 it
// counts this cgroup alone, on v2 also those below it.
func (g Cgroup) Killed() (int64, error) {
	return g.count("memory.oom_control", "memory.events", "oom_kill")
}

// Unified reports whether the controller is on cgroup v2.
func (g Cgroup) Unified() bool { return g.unified }
