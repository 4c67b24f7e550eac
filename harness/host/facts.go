package host

import (
	"fmt"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// Facts are what an outcome depends on, for the head of every report.
type Facts struct {
	// LXD is the version of the host's daemon, of LXD or, as Flavor says, of Incus.
	LXD string `json:"lxd"`
	// Package is the distribution's package that it is of, with its version; empty where it is of none.
	Package string       `json:"package,omitempty"`
	Flavor  idmap.Flavor `json:"flavor"`
	Kernel  string       `json:"kernel"`
	// Cgroup is the layout: v1, hybrid or v2.
	Cgroup string `json:"cgroup"`
	// AppArmor is "enforced" or, where the kernel has none in force, "off".
	AppArmor string `json:"apparmor"`
	Bundle   string `json:"bundle"`
}

// Facts are the facts of the host.
func (h *Host) Facts() Facts {
	f := FactsOf(h.Bundle)
	d := h.Daemon()
	f.LXD, f.Package, f.Flavor = d.LXD, d.Package, d.Flavor
	return f
}

// FactsOf are those of any host on this machine that runs the bundle.
func FactsOf(b *bundle.Bundle) Facts {
	f := Facts{LXD: b.LXD, Package: b.Package, Flavor: b.Flavor, Kernel: kernel(), AppArmor: "off", Bundle: b.String()}
	if layout, err := CgroupLayout(); err == nil {
		f.Cgroup = layout
	}
	if bundle.AppArmor() {
		f.AppArmor = "enforced"
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
		return "unknown"
	}
	return unix.ByteSliceToString(u.Release[:])
}
