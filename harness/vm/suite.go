package vm

import (
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/bundle"
)

// Suites are the Debian suites that a machine can be of: the newest two that package LXD.
var Suites = []string{"bookworm", "trixie"}

// DefaultSuite is the newer.
const DefaultSuite = bundle.DefaultSuite

// HostEnv names where the scenarios run: "private", a host in namespaces of this machine, or what ParseHost reads.
const HostEnv = "NESTBED_HOST"

// GuestEnv is set in a virtual machine only, to what HostEnv was where that was asked for.
const GuestEnv = "NESTBED_GUEST"

// Forms is how hosts are written, for help texts.
var Forms = "private, vm or vm:debian:SUITE (" + strings.Join(Suites, ", ") + ")"

// ParseHost reads one of the Forms, and gives the suite of the virtual machine that is meant; none for a private host, which
// the empty text means, too.
func ParseHost(text string) (suite string, err error) {
	switch text {
	case "", "private":
		return "", nil
	case "vm":
		return DefaultSuite, nil
	}
	if suite, ok := strings.CutPrefix(text, "vm:debian:"); ok && slices.Contains(Suites, suite) {
		return suite, nil
	}
	return "", fmt.Errorf("host %q: not known; write %s", text, Forms)
}

// packages are what a machine has beside Debian's essential ones: a kernel for virtual machines, systemd, AppArmor, LXD and
// all that the scenarios run.
func packages() []string {
	all := slices.Concat(
		[]string{"linux-image-cloud-amd64", "initramfs-tools", "systemd-sysv", "udev", "dbus", "apparmor", "kmod"},
		bundle.InstalledPackages(), bundle.ToolPackages(),
	)
	slices.Sort(all)
	return slices.Compact(all)
}
