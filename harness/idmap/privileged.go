package idmap

import "strings"

// The configuration keys of a container that decide whether it has a map of its
// own, and whether containers inside it may have one (LXD: doc, "Instance options").
const (
	// KeyPrivileged true: the container has no map, but the user namespace of the LXD that makes it.
	KeyPrivileged = "security.privileged"
	// KeyNesting true: LXD mounts a second proc and sysfs in the container. In a
	// Layout it counts as true where it is absent, as whoever builds a chain sets
	// it on every level that has another below it.
	KeyNesting = "security.nesting"
	// KeyUnprivilegedOnly true: what runs in the container finds that in its
	// environment, and a LXD then makes no privileged containers
	// (LXD: lxd/instance/instance_utils.go, ValidConfig).
	KeyUnprivilegedOnly = "environment.LXD_UNPRIVILEGED_ONLY"
)

// boolean reads a key as LXD does: without a value it is off
// (LXD: shared/util.go, IsTrue, and shared/validate, IsBool).
func boolean(text string) (on, valid bool) {
	switch strings.ToLower(text) {
	case "true", "1", "yes", "on":
		return true, true
	case "", "false", "0", "no", "off":
		return false, true
	default:
		return false, false
	}
}

// on tells whether the container is created with a key that is on.
func (d Daemon) on(key string) bool {
	on, _ := boolean(d.Config[key])
	return on
}

// nests tells whether a container with a configuration has what KeyNesting gives.
func nests(config map[string]string) bool {
	text, set := config[KeyNesting]
	on, _ := boolean(text)
	return !set || on
}

// privileged plans a privileged level below the ones given. No file and no
// newuidmap has a say in it, raw.idmap is not even read, and only pid namespaces count
// (LXD: lxd/instance/drivers/driver_lxc.go, lxcCreate and initLXC).
func (l Layout) privileged(d Daemon, level int) *Stop {
	if above := level - 2; above >= 0 && l.Daemons[above].on(KeyUnprivilegedOnly) {
		return &Stop{Level: level, Op: OpCreate, Reason: ConfigRefused}
	}
	if l.Room > 0 && level > l.Room {
		return &Stop{Level: level, Op: OpStart, Reason: DepthLimit}
	}
	if l.deniesMounts(level) {
		return &Stop{Level: level, Op: OpStart, Reason: NestingNotAllowed}
	}
	if l.Cgroup1 && d.OnlyCgroup2 {
		return &Stop{Level: level, Op: OpStart, Reason: CgroupUnsupported}
	}
	return nil
}

// mountsProc tells whether a level with a user namespace of its own can mount proc,
// which its liblxc does once it is root there. The kernel lets it only where the
// level above has a proc of which nothing is covered: it must not see more than
// that does (fs/namespace.c, mount_too_revealing). liblxc covers the boot id
// in every container (liblxc: conf.c, lxc_setup_boot_id), lxcfs more; nothing
// is covered in the second proc that KeyNesting gives to the level above. A
// privileged level may uncover what is covered, and so need not be asked for.
func (l Layout) mountsProc(level int) bool {
	above := level - 2
	return above < 0 || nests(l.Daemons[above].Config)
}
