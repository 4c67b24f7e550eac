package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Cgroup is where a controller of the kernel counts and bounds what a level does.
type Cgroup struct {
	Level   int
	dir     string // on the machine
	unified bool
}

// CgroupOf is that of a level, or of the host, level 0, for a controller: memory, pids, cpu, cpuset.
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

// LXCName is how liblxc names the container of a level.
func LXCName(c *Chain, level int) string {
	if level == 1 {
		return c.Host.LXCName(ContainerName(level))
	}
	return ContainerName(level)
}

// file is the name of the one of the layout that the machine has; "" where v1 has none.
func (g Cgroup) file(v1, v2 string) string {
	if g.unified {
		return v2
	}
	return v1
}

// read reads the file of the layout that the machine has; without a field the whole of it, else
// the number behind it (Documentation/admin-guide/cgroup-v1 and cgroup-v2.rst).
func (g Cgroup) read(v1, v2, field string) (string, error) {
	name := g.file(v1, v2)
	if name == "" {
		return "", fmt.Errorf("level %d: cgroup file %s: there is none on cgroup v1, which this machine has; ask on v2", g.Level, v2)
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

// MemoryLimit is in bytes; there is an error where there is no limit on v2.
func (g Cgroup) MemoryLimit() (int64, error) {
	return g.count("memory.limit_in_bytes", "memory.max", "")
}

// MemoryHigh is how much memory, in bytes, the level may take before the kernel throttles it (memory.high; Linux:
// Documentation/admin-guide/cgroup-v2.rst); there is an error where there is no such bound, as on v1.
func (g Cgroup) MemoryHigh() (int64, error) {
	return g.count("", "memory.high", "")
}

// Held is in how many periods the processes of the level were held back because they had used up a share of the level's own.
func (g Cgroup) Held() (int64, error) { return g.count("cpu.stat", "cpu.stat", "nr_throttled") }

// Processors is the list of those that the level may use, such as 0-3,5.
func (g Cgroup) Processors() (string, error) {
	return g.read("cpuset.effective_cpus", "cpuset.cpus.effective", "")
}

// Killed is how many processes the kernel ended for want of memory: on v1 of the
// cgroup alone, on v2 also of those below it.
func (g Cgroup) Killed() (int64, error) {
	return g.count("memory.oom_control", "memory.events", "oom_kill")
}

// Unified tells the layout.
func (g Cgroup) Unified() bool { return g.unified }
