package inventory

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// A searchPath is where a process looks for programs.
type searchPath struct {
	whose string   // of which process
	dirs  []string // nil for those of this process
}

// daemonPath returns the search path of this machine's LXD or Incus: it decides whether subuid and
// subgid count. Without one, or if only root may look, it is that of this process.
func daemonPath() searchPath {
	own := searchPath{whose: "in the PATH of nestbed"}
	namespace := func(process string) string {
		link, _ := os.Readlink(filepath.Join("/proc", process, "ns/mnt"))
		return link
	}
	all, err := procfs.AllProcs()
	if err != nil {
		return own
	}
	for _, p := range all {
		name, err := p.Comm()
		// The LXDs of private hosts and of containers see other files.
		if err != nil || !slices.Contains([]string{"lxd", "incusd"}, name) || namespace(fmt.Sprint(p.PID)) != namespace("self") {
			continue
		}
		environ, err := p.Environ()
		if err != nil {
			continue
		}
		for _, variable := range environ {
			if path, is := strings.CutPrefix(variable, "PATH="); is {
				return searchPath{fmt.Sprintf("in the PATH of %s (process %d)", name, p.PID), filepath.SplitList(path)}
			}
		}
	}
	return own
}

// find returns the first program of that name.
func (s searchPath) find(name string) (path string, found bool) {
	if s.dirs == nil {
		path, err := exec.LookPath(name)
		return path, err == nil
	}
	for _, dir := range s.dirs {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// ShadowTools are the newuidmap and newgidmap that the LXD or Incus of this machine uses.
type ShadowTools struct {
	// Usable reports whether both exist and are privileged: liblxc ignores them otherwise (liblxc:
	// idmap_utils.c, idmaptool_on_path_and_privileged).
	Usable bool
	// Version is their version, if a package says it.
	Version idmap.Shadow
	// Found says what was found, and in whose PATH.
	Found string
}

// FindShadowTools looks for newuidmap and newgidmap where this machine's LXD or Incus does.
func FindShadowTools() (ShadowTools, error) {
	s := daemonPath()
	var paths []string
	for _, name := range []string{"newuidmap", "newgidmap"} {
		path, found := s.find(name)
		if !found {
			return ShadowTools{Found: "not both installed " + s.whose}, nil
		}
		if !privileged(path) {
			return ShadowTools{Found: path + " has neither set-user-id nor file capabilities: LXD ignores it. To use it: chmod u+s " + path}, nil
		}
		paths = append(paths, path)
	}
	version, err := bundle.ShadowHere(paths[0])
	return ShadowTools{true, version, strings.Join(strings.Fields("installed "+string(version)+" "+s.whose), " ")}, err
}

// privileged reports whether a program has set-user-id or file capabilities.
func privileged(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	size, err := unix.Getxattr(path, bundle.XattrCaps, nil)
	return info.Mode()&os.ModeSetuid != 0 || err == nil && size > 0
}
