package workload

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"nestbed/harness/idmap"
)

// runtimeCommands are a container's configuration, the file for it, and the commands that start
// the container, print the pid of its init and end it.
type runtimeCommands struct {
	config, file    string
	start, pid, end []string
}

func (s Spec) commands(name, dir string) (runtimeCommands, error) {
	if s.Runtime == LXC {
		if len(s.Map.UID) == 0 || len(s.Map.GID) == 0 {
			return runtimeCommands{}, errors.New("an LXC container needs a map")
		}
		at := []string{"-P", dir, "-n", name}
		return runtimeCommands{
			config: s.lxcConfig(name, dir), file: "config",
			start: append([]string{"lxc-start", "-f", dir + "/config", "-o", dir + "/run/log"}, at...),
			pid:   append([]string{"lxc-info", "-p", "-H"}, at...),
			end:   append([]string{"lxc-stop", "-k"}, at...),
		}, nil
	}
	config, err := s.ociConfig()
	oci := []string{cmp.Or(s.OCIRuntime, Crun), "--root", dir + "/run"}
	if s.User != 0 && oci[0] == Crun {
		// Without systemd, an ordinary user can delegate no cgroups, on v1 or v2.
		oci = append(oci, "--cgroup-manager=disabled")
	}
	return runtimeCommands{
		config: config, file: "config.json",
		start: append(oci[:len(oci):len(oci)], "run", "--detach", "--bundle", dir, "--pid-file", dir+"/run/pid", name),
		pid:   []string{"cat", dir + "/run/pid"},
		end:   append(oci[:len(oci):len(oci)], "delete", "--force", name),
	}, err
}

// ociConfig returns a minimal config.json of the OCI runtime specification.
func (s Spec) ociConfig() (string, error) {
	type object = map[string]any
	namespaces := []object{{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}}
	linux := object{}
	if len(s.Map.UID) > 0 {
		namespaces = append(namespaces, object{"type": "user"})
		mappings := func(of []idmap.Mapping) (lines []object) {
			for _, m := range of {
				lines = append(lines, object{"containerID": m.Inside, "hostID": m.Parent, "size": m.Count})
			}
			return lines
		}
		linux["uidMappings"], linux["gidMappings"] = mappings(s.Map.UID), mappings(s.Map.GID)
	}
	if len(s.Sysctl) > 0 {
		namespaces = append(namespaces, object{"type": "network"})
		linux["sysctl"] = s.Sysctl
	}
	linux["namespaces"] = namespaces
	text, err := json.Marshal(object{
		"ociVersion": "1.0.0",
		"process":    object{"args": []string{"/init"}, "cwd": "/", "user": object{"uid": 0, "gid": 0}},
		"root":       object{"path": "rootfs"},
		"mounts":     []object{{"destination": "/proc", "type": "proc", "source": "proc"}},
		"linux":      linux,
	})
	return string(text), err
}

// lxcConfig returns a configuration for LXC (man 5 lxc.container.conf). The container gets its
// own, empty network namespace, because mounting a sysfs requires it (fs/sysfs/mount.c). It keeps
// the AppArmor profile of the level, because LXC's profiles are not loaded in the level's profile
// namespace.
func (s Spec) lxcConfig(name, dir string) string {
	lines := []string{
		"lxc.include = /usr/share/lxc/config/common.conf",
		"lxc.include = /usr/share/lxc/config/userns.conf",
		"lxc.uts.name = " + name,
		"lxc.rootfs.path = dir:" + dir + "/rootfs",
		"lxc.net.0.type = empty",
		"lxc.init.cmd = /init",
		"lxc.apparmor.profile = unchanged",
	}
	for kind, mappings := range map[string][]idmap.Mapping{"u": s.Map.UID, "g": s.Map.GID} {
		for _, m := range mappings {
			lines = append(lines, fmt.Sprintf("lxc.idmap = %s %d %d %d", kind, m.Inside, m.Parent, m.Count))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
