package idmap

import "strings"

// These configuration keys decide whether a container, and containers inside it, may have a map
// of their own (LXD: doc, "Instance options").
const (
	// KeyPrivileged is true: the container has no map of its own and uses the user namespace of
	// its LXD.
	KeyPrivileged = "security.privileged"
	// KeyNesting is true: LXD mounts a second proc and a second sysfs in the container. In a
	// Layout, a missing key counts as true, because a chain sets it on every level that has
	// another level below it.
	KeyNesting = "security.nesting"
	// KeyUnprivilegedOnly is true: an LXD inside the container finds the variable in its
	// environment and creates no privileged containers (LXD: lxd/instance/instance_utils.go,
	// ValidConfig).
	KeyUnprivilegedOnly = "environment.LXD_UNPRIVILEGED_ONLY"
)

// boolean parses a boolean value as LXD does: an empty value means off (LXD: shared/util.go,
// IsTrue, and shared/validate, IsBool).
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

// on reports whether the container's configuration has the key and turns it on.
func (d Daemon) on(key string) bool {
	on, _ := boolean(d.Config[key])
	return on
}

// nests reports whether KeyNesting is in effect for a configuration.
func nests(config map[string]string) bool {
	text, set := config[KeyNesting]
	on, _ := boolean(text)
	return !set || on
}

// privileged returns the stop of a privileged level, or nil. LXD ignores the subid files,
// newuidmap and raw.idmap here, and only the nesting of pid namespaces counts (LXD:
// lxd/instance/drivers/driver_lxc.go, lxcCreate and initLXC).
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

// mountsProc reports whether a level with its own user namespace can mount proc, as its liblxc
// must. The kernel permits that only if nothing is mounted over some proc that the level above
// has: the level must not see more than the level above (fs/namespace.c, mount_too_revealing).
// liblxc mounts over the boot id in every container (liblxc: conf.c, lxc_setup_boot_id), and
// lxcfs over more. Only the second proc of KeyNesting is uncovered. A privileged level is never
// asked, because it may unmount what covers its proc.
func (l Layout) mountsProc(level int) bool {
	above := level - 2
	return above < 0 || nests(l.Daemons[above].Config)
}
