package host

import (
	"fmt"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/cgroup"
)

// Facts identify the software and kernel of a run. Every report begins with them.
type Facts struct {
	// LXD is the version of the host's daemon: LXD or Incus, as Flavor says.
	LXD string `json:"lxd"`
	// Package is the distribution's package of the daemon, with its version. It is empty if the
	// daemon is not from a package.
	Package string       `json:"package,omitempty"`
	Flavor  idmap.Flavor `json:"flavor"`
	Kernel  string       `json:"kernel"`
	// Cgroup is the cgroup layout: v1, hybrid or v2. On another machine, Cgroup and AppArmor are
	// "unknown" until level 1 is up.
	Cgroup string `json:"cgroup"`
	// AppArmor is "enforced" or "off".
	AppArmor string `json:"apparmor"`
	Bundle   string `json:"bundle"`
	// Member is the cluster member that the host is on. It is empty if there is no cluster.
	Member string `json:"member,omitempty"`
}

// NotKnown is the value of a fact that cannot be known, or not until level 1 is up.
const NotKnown = "unknown"

// AppArmorState returns the value of Facts.AppArmor.
func AppArmorState(on bool) string {
	if on {
		return "enforced"
	}
	return "off"
}

// FactsOf returns the facts of a host on this machine that runs the bundle.
func FactsOf(b *bundle.Bundle) Facts {
	f := Facts{LXD: b.LXD, Package: b.Package, Flavor: b.Flavor, Kernel: kernel(), AppArmor: AppArmorState(bundle.AppArmor()), Bundle: b.String()}
	if layout, err := cgroup.Layout(); err == nil {
		f.Cgroup = layout
	}
	return f
}

// String returns the facts in one line.
func (f Facts) String() string {
	daemon := (&bundle.Bundle{LXD: f.LXD, Package: f.Package, Flavor: f.Flavor}).Daemon()
	if f.Flavor.NewerThanKnown() {
		daemon += fmt.Sprintf(" (newer than %s, whose rules are used)", f.Flavor.Newest())
	}
	return fmt.Sprintf("%s, kernel %s, cgroup %s, AppArmor %s, bundle %s", daemon, f.Kernel, f.Cgroup, f.AppArmor, f.Bundle)
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return NotKnown
	}
	return unix.ByteSliceToString(u.Release[:])
}
