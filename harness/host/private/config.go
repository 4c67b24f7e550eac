package private

import (
	"cmp"
	"errors"
	"path/filepath"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// Config is what a private host is given.
type Config struct {
	// Delegation is what the host's /etc/subuid and /etc/subgid say.
	Delegation idmap.Delegation
	// Bundle is the root filesystem, and the LXD in it. Required.
	Bundle *bundle.Bundle
	// StateRoot is where the host is entered, and its state directory made.
	StateRoot StateRoot
	// StateDir is the directory for everything that the host writes: its LXD's
	// state, about 130 MB a level. Empty: a new one under StateRoot. A given
	// directory must be empty, or left by a host that is gone, which is then cleared.
	StateDir string
	// InMemory is how many levels the host will have: more than 0, and no StateDir,
	// put its state into memory where that has room. It is faster, and what a level
	// writes counts as memory of its cgroups for as long as it stands. If StateRoot
	// names a directory, the state lies there.
	InMemory int
	// SharePIDs leaves the host in the pid namespace of this process, as the LXD of a machine is in the
	// machine's: one of its own takes one of those that the kernel nests, and with it a level. The host
	// ends as any other does, but for one case: if the init of its namespaces is killed and
	// then this process, its containers run on until Reap.
	SharePIDs bool
	// Loops gives the host the machine's loop devices, which its LXD needs for a storage pool on a file.
	Loops bool
	// Disk gives the host's LXD a disk of its own for its state and that of all levels, of so many bytes and in memory. 0: none.
	Disk int64
	// NoIdmapped forbids the host's LXD to mount anything idmapped: it gives files new owners instead.
	NoIdmapped bool
	// ViaExec has levels reached through LXD exec, which is done anyway where this process may not enter the root directory of the host's
	// LXD.
	ViaExec bool
}

// StateRoot is where private hosts keep their state, and are known by name. The zero value is the usual place.
type StateRoot struct {
	// Dir is the directory; "" is /var/lib/nestbed.
	Dir string
	// memory is where Linux offers files in memory (man 7 shm_overview); "" is /dev/shm. Tests have one of their
	// own, where the reaps of other runs do not come.
	memory string
}

// Path returns the directory. It is absolute, as journals outlive the working directory that a relative one
// was meant from.
func (r StateRoot) Path() string {
	dir := cmp.Or(r.Dir, "/var/lib/nestbed")
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// entry returns where the host of a name is entered.
func (r StateRoot) entry(name string) string { return filepath.Join(r.Path(), name) }

// ErrNotRoot is why a private host cannot be made without root.
var ErrNotRoot = errors.New("needs root, for namespaces, mounts and ids of its own; run as root or with sudo")
