package workload

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"nestbed/harness/idmap"
)

// runtimeCommands are how a runtime is told to run a container: its
// configuration, the file that it goes into, and commands.
type runtimeCommands struct {
	config, file    string
	start, pid, end []string
}

func (s Spec) commands(name, dir string) (runtimeCommands, error) {
	if s.Runtime == LXC {
		if len(s.Map.UID) == 0 || len(s.Map.GID) == 0 {
			return runtimeCommands{}, errors.New("a container of LXC needs a map here")
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
	crun := []string{"crun", "--root", dir + "/run"}
	if s.User != 0 {
		// A user without a systemd has no cgroups to give, in any layout.
		crun = append(crun, "--cgroup-manager=disabled")
	}
	return runtimeCommands{
		config: config, file: "config.json",
		start: append(crun[:len(crun):len(crun)], "run", "--detach", "--bundle", dir, "--pid-file", dir+"/run/pid", name),
		pid:   []string{"cat", dir + "/run/pid"},
		end:   append(crun[:len(crun):len(crun)], "delete", "--force", name),
	}, err
}

// ociConfig is the config.json of the OCI runtime specification, with what every container must have.
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

// lxcConfig is a configuration after man 5 lxc.container.conf. The network namespace is
// the container's own, though nothing is in it: who mounts a sysfs must own that (fs/sysfs/mount.c). AppArmor's profiles
// of containers are not known in the namespace of profiles that a level has: it stays in that of the level.
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
