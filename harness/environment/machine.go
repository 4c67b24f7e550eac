package environment

import (
	"os"
	"path/filepath"

	"nestbed/harness/artifact"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
)

// The variables that say where things are on this machine.
const (
	Cache     = "NESTBED_CACHE"
	Artifacts = "NESTBED_ARTIFACTS"
	Keyring   = "NESTBED_KEYRING"
	LXDSocket = "LXD_SOCKET" // as for LXD's own client
	LXDDir    = "LXD_DIR"
)

// Machine are the settings that say where things are on this machine. A directory that is "" is in its usual place.
type Machine struct {
	// Cache is the directory of bundles and of images for virtual machines.
	Cache string
	// Artifacts is where failed scenarios leave what there is to look into.
	Artifacts artifact.Dir
	// Keyring is the directory with the certificates for LXDs of other machines.
	Keyring string
	// Socket is where the LXD of this machine listens; "" is one of the usual places.
	Socket string
}

// ReadMachine returns the settings of this machine.
func ReadMachine() Machine {
	return Machine{Cache: os.Getenv(Cache), Artifacts: artifact.Dir(os.Getenv(Artifacts)), Keyring: os.Getenv(Keyring), Socket: socket()}
}

// socket returns the one that the variables name, as LXD's own client understands them.
func socket() string {
	if path := os.Getenv(LXDSocket); path != "" {
		return path
	}
	if dir := os.Getenv(LXDDir); dir != "" {
		return filepath.Join(dir, "unix.socket")
	}
	return ""
}

// Store returns where bundles are kept. progress may be nil.
func (m Machine) Store(progress func(string)) bundle.Store {
	return bundle.Store{Dir: m.Cache, Progress: progress}
}

// Locate returns the target with the socket of this machine's LXD, if the target is that LXD and has no address.
func (m Machine) Locate(t host.Target) host.Target {
	if t.System && t.Address == "" {
		t.Address = m.Socket
	}
	return t
}
