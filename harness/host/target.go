package host

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/keyring"
)

// vmSuites are the Debian suites of virtual machines: the newest two that package LXD.
var vmSuites = []string{"bookworm", "trixie"}

// DefaultVMSuite is the newest of the suites.
const DefaultVMSuite = bundle.DefaultSuite

// TargetForms returns how to write targets, for help texts.
func TargetForms() string {
	return "private, system, system:SOCKET, https://HOST:PORT, vm or vm:debian:SUITE (" + strings.Join(vmSuites, ", ") + ")"
}

// A Target is a kind of host. The zero value is a private host on this machine.
type Target struct {
	// Suite is the suite of a virtual machine that contains the private host. Empty means this
	// machine.
	Suite string
	// System is set for an existing LXD. Address is its socket on this machine, or the https
	// address of another machine. An empty Address means the usual socket of this machine's LXD.
	System  bool
	Address string
}

// String returns the target as ParseTarget reads it.
func (t Target) String() string {
	switch {
	case t.Suite != "":
		return "vm:debian:" + t.Suite
	case !t.System:
		return "private"
	case t.Address == "":
		return "system"
	case keyring.IsAddress(t.Address):
		return t.Address
	}
	return "system:" + t.Address
}

// ParseTarget reads one of the TargetForms. An empty text means a private host.
func ParseTarget(text string) (Target, error) {
	switch text {
	case "", "private":
		return Target{}, nil
	case "system":
		return Target{System: true}, nil
	case "vm":
		return Target{Suite: DefaultVMSuite}, nil
	}
	if suite, ok := strings.CutPrefix(text, "vm:debian:"); ok && slices.Contains(vmSuites, suite) {
		return Target{Suite: suite}, nil
	}
	if socket, ok := strings.CutPrefix(text, "system:"); ok && filepath.IsAbs(socket) {
		return Target{System: true, Address: socket}, nil
	}
	if keyring.IsAddress(text) {
		address, err := keyring.ParseAddress(text)
		return Target{System: err == nil, Address: address}, err
	}
	return Target{}, fmt.Errorf("host %q: not known; write %s", text, TargetForms())
}
