package host

import (
	"fmt"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/cgroup"
)

// Facts are what an outcome depends on, for the head of every report.
type Facts struct {
	// LXD is the version of the host's daemon, of LXD or, as Flavor says, of Incus.
	LXD string `json:"lxd"`
	// Package is the distribution's package that it is of, with its version; empty where it is of none.
	Package string       `json:"package,omitempty"`
	Flavor  idmap.Flavor `json:"flavor"`
	Kernel  string       `json:"kernel"`
	// Cgroup is the layout: v1, hybrid or v2; it and AppArmor are "unknown" on another machine until level 1 is up there.
	Cgroup string `json:"cgroup"`
	// AppArmor is "enforced" or, where the kernel has none in force, "off".
	AppArmor string `json:"apparmor"`
	Bundle   string `json:"bundle"`
	// Member is that of a cluster on which the host is; empty where it is in none.
	Member string `json:"member,omitempty"`
}

// NotKnown is a fact that there is no way to know, or none before level 1 is up.
const NotKnown = "unknown"

// Force is how it is said whether the kernel has AppArmor in force.
func Force(on bool) string {
	if on {
		return "enforced"
	}
	return "off"
}

// FactsOf are those of any host on this machine that runs the bundle.
func FactsOf(b *bundle.Bundle) Facts {
	f := Facts{LXD: b.LXD, Package: b.Package, Flavor: b.Flavor, Kernel: kernel(), AppArmor: Force(bundle.AppArmor()), Bundle: b.String()}
	if layout, err := cgroup.Layout(); err == nil {
		f.Cgroup = layout
	}
	return f
}

// String is the facts in one line.
func (f Facts) String() string {
	daemon := (&bundle.Bundle{LXD: f.LXD, Package: f.Package, Flavor: f.Flavor}).Daemon()
	return fmt.Sprintf("%s, kernel %s, cgroup %s, AppArmor %s, bundle %s", daemon, f.Kernel, f.Cgroup, f.AppArmor, f.Bundle)
}

func kernel() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return NotKnown
	}
	return unix.ByteSliceToString(u.Release[:])
}
