package vm

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/keyring"
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
var Forms = "private, system, system:SOCKET, https://HOST:PORT, vm or vm:debian:SUITE (" + strings.Join(Suites, ", ") + ")"

// Where is a kind of host. The zero value is a private host on this machine.
type Where struct {
	// Suite is that of the virtual machine in which a private host is.
	Suite string
	// System tells that it is a LXD which runs by itself, Address its socket on this machine, or the https address of another one's;
	// empty: the socket where this machine's listens.
	System  bool
	Address string
}

// ParseHost reads one of the Forms; the empty text is a private host, too.
func ParseHost(text string) (Where, error) {
	switch text {
	case "", "private":
		return Where{}, nil
	case "system":
		return Where{System: true}, nil
	case "vm":
		return Where{Suite: DefaultSuite}, nil
	}
	if suite, ok := strings.CutPrefix(text, "vm:debian:"); ok && slices.Contains(Suites, suite) {
		return Where{Suite: suite}, nil
	}
	if socket, ok := strings.CutPrefix(text, "system:"); ok && filepath.IsAbs(socket) {
		return Where{System: true, Address: socket}, nil
	}
	if keyring.IsAddress(text) {
		address, err := keyring.ParseAddress(text)
		return Where{System: err == nil, Address: address}, err
	}
	return Where{}, fmt.Errorf("host %q: not known; write %s", text, Forms)
}

// LXD is the address of the LXD that is meant, as host.Config has it; "" where it is none that runs by itself.
func (w Where) LXD() (string, error) {
	if !w.System || w.Address != "" {
		return w.Address, nil
	}
	return host.FindLXD()
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
