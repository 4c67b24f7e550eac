package environment

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"nestbed/harness/artifact"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/wait"
)

// The variables about this machine.
const (
	Cache     = "NESTBED_CACHE"
	State     = "NESTBED_STATE"
	Patience  = "NESTBED_PATIENCE"
	Artifacts = "NESTBED_ARTIFACTS"
	Keyring   = "NESTBED_KEYRING"
	LXDSocket = "LXD_SOCKET" // LXD's client reads these two as well
	LXDDir    = "LXD_DIR"
)

// Machine holds the settings of this machine: where things are, and how slow it is. "" stands for
// the default directory.
type Machine struct {
	// Cache is the directory of bundles and of images for virtual machines.
	Cache string
	// State is the directory where private hosts are registered and keep their state.
	State string
	// Artifacts is the directory for the files of failed scenarios.
	Artifacts artifact.Dir
	// Keyring is the directory with the certificates for LXD on other machines.
	Keyring string
	// Patience is the factor by which the budget of every wait is multiplied: from 0.01 to 100,
	// or 0 for 1.
	Patience float64
	// Socket is the socket of this machine's LXD; "" is the first of the default paths that
	// exists.
	Socket string
}

// ReadMachine returns the settings of this machine. It fails if a variable has an invalid value;
// the returned settings are then without it.
func ReadMachine() (Machine, error) {
	m := Machine{Cache: os.Getenv(Cache), State: os.Getenv(State), Artifacts: artifact.Dir(os.Getenv(Artifacts)), Keyring: os.Getenv(Keyring), Socket: socket()}
	if text := os.Getenv(Patience); text != "" {
		factor, err := strconv.ParseFloat(text, 64)
		if err != nil || !(factor >= 0.01 && factor <= 100) { // false for NaN
			return m, fmt.Errorf("%s: read %q, expected a number from 0.01 to 100", Patience, text)
		}
		m.Patience = factor
	}
	return m, nil
}

// Context returns a context in which the budget of every wait is multiplied by Patience.
func (m Machine) Context(ctx context.Context) context.Context {
	return wait.WithPatience(ctx, cmp.Or(m.Patience, 1))
}

// socket returns the path that the variables name, as LXD's client reads them.
func socket() string {
	if path := os.Getenv(LXDSocket); path != "" {
		return path
	}
	if dir := os.Getenv(LXDDir); dir != "" {
		return filepath.Join(dir, "unix.socket")
	}
	return ""
}

// Store returns the store of bundles. progress may be nil.
func (m Machine) Store(progress func(string)) bundle.Store {
	return bundle.Store{Dir: m.Cache, Progress: progress}
}

// Locate returns the target with the socket of this machine's LXD, if the target is that LXD and
// has no address.
func (m Machine) Locate(t host.Target) host.Target {
	if t.System && t.Address == "" {
		t.Address = m.Socket
	}
	return t
}
