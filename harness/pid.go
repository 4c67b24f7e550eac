package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Pid is the id, on the machine, of the level's init. The LXD above knows it
// only by the id that it has in that level.
func (l *Level) Pid() (int, error) {
	namespace, err := os.Stat(l.root.Path("/proc/1/ns/pid"))
	if err != nil {
		return 0, fmt.Errorf("level %d: %w", l.Index, err)
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
		if status, err := os.ReadFile(filepath.Join(dir, "status")); err == nil && isInit(string(status)) {
			return strconv.Atoi(filepath.Base(dir))
		}
	}
	return 0, fmt.Errorf("level %d: its init is not seen on this machine", l.Index)
}

// isInit tells by /proc/PID/status whether a process is number 1 in the innermost of its pid namespaces.
func isInit(status string) bool {
	for line := range strings.Lines(status) {
		if pids, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(pids)
			return len(fields) > 0 && fields[len(fields)-1] == "1"
		}
	}
	return false
}
