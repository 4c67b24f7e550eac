package vm

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/keyring"
)

// Suites are the Debian suites that a machine can be of: the newest two that package LXD.
var Suites = []string{"bookworm", "trixie"}

// DefaultSuite is the newer.
const DefaultSuite = bundle.DefaultSuite

// Forms is how hosts are written, for help texts.
var Forms = "private, system, system:SOCKET, https://HOST:PORT, vm or vm:debian:SUITE (" + strings.Join(Suites, ", ") + ")"

// Where is a kind of host. The zero value is a private host on this machine.
type Where struct {
	// Suite is the suite of the virtual machine in which a private host is; "" is this machine.
	Suite string
	// System is set for an existing LXD. Address is its socket on this machine, or the https address of another machine's; "" is the
	// socket where the LXD of this machine listens.
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
