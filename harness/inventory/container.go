package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
)

// forContainers is the kind of the requirements of containers that are started here.
const forContainers = "containers here"

// A manager is a program that runs containers.
type manager struct {
	name string
	// open is the command that lets a container have containers.
	open string
}

// initialPidNamespace is the link of a process that is in no container (Linux:
// include/linux/proc_ns.h, PROC_PID_INIT_INO).
const initialPidNamespace = "pid:[4026531836]"

// managerOf returns the manager of the container in which this runs. root is its root directory,
// pids the link of its pid namespace, and environ the environment of its first process (LXD:
// doc/dev-lxd.md; Incus: doc/dev-incus.md; systemd: src/basic/virt.c, detect_container).
func managerOf(root fs.FS, pids, environ string) manager {
	if pids == initialPidNamespace { // a machine made from a container's files may have marks of one
		return manager{"none: this is no container", "unmount what covers files of it"}
	}
	has := func(path string) bool {
		_, err := fs.Stat(root, path)
		return err == nil
	}
	kind := ""
	for variable := range strings.SplitSeq(environ, "\x00") {
		if value, is := strings.CutPrefix(variable, "container="); is {
			kind = value
		}
	}
	switch {
	case has("dev/incus/sock"):
		return manager{"Incus", "incus config set NAME security.nesting=true, and restart it"}
	case has("dev/lxd/sock"):
		return manager{"LXD", "lxc config set NAME security.nesting=true, and restart it"}
	case has(".dockerenv"), kind == "docker":
		return manager{"Docker", "docker run --security-opt systempaths=unconfined --security-opt apparmor=unconfined --cap-add SYS_ADMIN"}
	case has("run/.containerenv"), kind == "podman":
		return manager{"Podman", "podman run --security-opt unmask=ALL --security-opt label=disable --cap-add SYS_ADMIN"}
	case kind == "lxc":
		return manager{"LXC, such as Proxmox", "pct set ID -features nesting=1 (Proxmox), or lxc.include = /usr/share/lxc/config/nesting.conf (LXC), and restart it"}
	}
	return manager{cmp.Or(kind, "unknown"), "give it a proc and a sysfs with nothing mounted over them"}
}

// Containers returns what containers that are started here require, as far as the container in
// which this runs can withhold it.
func Containers(ctx context.Context) []Requirement {
	environ, _ := os.ReadFile("/proc/1/environ") // only root can read it
	pids, _ := os.Readlink("/proc/self/ns/pid")
	m := managerOf(os.DirFS("/"), pids, string(environ))
	return []Requirement{
		{For: forContainers, Name: "container manager", OK: true, Found: m.name},
		mounts(ctx, m, "proc", unix.CLONE_NEWPID),
		mounts(ctx, m, "sysfs", unix.CLONE_NEWNET),
		userNSRestrictions(os.DirFS("/proc/sys/kernel")),
		tried("kernel keys", "sysctl -w kernel.keys.maxkeys=2000 kernel.keys.maxbytes=2000000, on the host", addKey),
		tried("inotify instances", "sysctl -w fs.inotify.max_user_instances=1024, on the host", inotify),
	}
}

// mounts tries to mount a filesystem in a new user namespace. The kernel forbids it unless one of
// the same kind is visible with nothing mounted over it (fs/namespace.c, mount_too_revealing).
func mounts(ctx context.Context, m manager, kind string, namespace uintptr) Requirement {
	r := Requirement{For: forContainers, Name: kind + " with nothing over it", Found: "can be mounted in a user namespace", OK: true}
	cmd := command.New(ctx, "mount", "-t", kind, "none", map[string]string{"proc": "/proc", "sysfs": "/sys"}[kind])
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER | unix.CLONE_NEWNS | namespace
	cmd.SysProcAttr.UidMappings = asRoot(os.Geteuid())
	cmd.SysProcAttr.GidMappings = asRoot(os.Getegid())
	if out, err := cmd.CombinedOutput(); err != nil {
		r.OK, r.Found, r.Fix = false, strings.TrimSpace(fmt.Sprint(err, " ", string(out))), m.open
	}
	return r
}

// userNSRestrictions reports both of AppArmor's sysctls (Linux: security/apparmor/lsm.c).
func userNSRestrictions(kernel fs.FS) Requirement {
	r := Requirement{For: forContainers, Name: "AppArmor and user namespaces", OK: true, Found: "not restricted"}
	var found, fix []string
	for _, name := range []string{"apparmor_restrict_unprivileged_userns", "apparmor_restrict_unprivileged_unconfined"} {
		value, err := fs.ReadFile(kernel, name)
		if err == nil && strings.TrimSpace(string(value)) != "0" {
			found = append(found, name+" is "+strings.TrimSpace(string(value)))
			fix = append(fix, "kernel."+name+"=0")
		}
	}
	if len(found) > 0 {
		r.OK, r.Found, r.Fix = false, strings.Join(found, ", "), "sysctl -w "+strings.Join(fix, " ")+", on the host"
	}
	return r
}

// asRoot returns the map in which an id is root's.
func asRoot(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }

// tried reports whether a quota of this user has something left. Containers whose users have the
// same ids on the host share it.
func tried(name, fix string, take func() error) Requirement {
	r := Requirement{For: forContainers, Name: name, OK: true, Found: "at least one is free; containers with equal ids share them"}
	if err := take(); err != nil {
		r.OK, r.Found, r.Fix = false, err.Error(), fix
	}
	return r
}

// addKey adds a key that ends with this process (man 2 add_key).
func addKey() error {
	_, err := unix.AddKey("user", "nestbed doctor", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		return nil // Docker forbids keys, so there is no quota
	}
	return err
}

func inotify() error {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC)
	if err == nil {
		err = unix.Close(fd)
	}
	return err
}
