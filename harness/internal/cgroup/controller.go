package cgroup

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Controller returns the directory of a cgroup in the hierarchy that has the named controller,
// and reports whether that hierarchy is v2. The cgroup is the root of the hierarchy if group is
// "".
func Controller(name, group string) (dir string, v2 bool, err error) {
	mounts, err := hierarchies()
	if err != nil {
		return "", false, err
	}
	for _, m := range mounts {
		dir := filepath.Join(m.Mountpoint, group)
		if m.FSType == "cgroup" {
			if slices.Contains(strings.Split(m.VFSOptions, ","), name) {
				return dir, false, nil
			}
			continue
		}
		controllers, err := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
		if err != nil {
			return "", false, err
		}
		if slices.Contains(strings.Fields(string(controllers)), name) {
			return dir, true, nil
		}
	}
	return "", false, fmt.Errorf("controller %s: found in no mounted cgroup hierarchy", name)
}
