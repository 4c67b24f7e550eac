package host

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Controller is the directory, on the machine, of the host's cgroup in the
// hierarchy that has the controller: v1's own, or the one of v2. A LXD that runs by itself has the cgroups of containers in the
// hierarchy's root.
func (h *Host) Controller(name string) (dir string, v2 bool, err error) {
	mounts, err := hierarchies()
	if err != nil {
		return "", false, err
	}
	for _, m := range mounts {
		dir := m.Mountpoint
		if h.system == nil {
			dir = filepath.Join(dir, cgroupPrefix+h.name)
		}
		if m.FSType == "cgroup" {
			if slices.Contains(strings.Split(m.VFSOptions, ","), name) {
				return dir, false, nil
			}
			continue
		}
		controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		if err != nil {
			return "", false, fmt.Errorf("host %s: %w", h.name, err)
		}
		if slices.Contains(strings.Fields(string(controllers)), name) {
			return dir, true, nil
		}
	}
	return "", false, fmt.Errorf("host %s: cgroup controller %s: no hierarchy that is mounted on this machine has it", h.name, name)
}
