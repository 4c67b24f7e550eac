package private

import (
	"cmp"
	"errors"
	"path/filepath"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// A Config describes a private host.
type Config struct {
	// Delegation is the content of the host's /etc/subuid and /etc/subgid.
	Delegation idmap.Delegation
	// Bundle has the root filesystem and the LXD in it. Required.
	Bundle *bundle.Bundle
	// StateRoot registers the host. The state directory is made there by default.
	StateRoot StateRoot
	// StateDir is the directory for everything that the host writes: about 130 MB per level. If
	// empty, Start makes one under StateRoot. A given directory must be empty, or left by a dead
	// host, which Start then clears.
	StateDir string
	// InMemory is the number of levels the host will have. If it is above 0, Start keeps the
	// state in memory, provided that there is room and neither StateDir nor StateRoot.Dir is set.
	// That is faster, but the files of a level count as memory of its cgroups.
	InMemory int
	// SharePIDs leaves the host in the pid namespace of this process, as a machine's LXD is in
	// the machine's. A pid namespace of its own costs one of the levels that the kernel nests.
	// There is one drawback: if the init of the host's namespaces is killed and then this
	// process, the host's containers run until Reap.
	SharePIDs bool
	// Loops gives the host the machine's loop devices, which its LXD needs for a storage pool in
	// a file.
	Loops bool
	// Disk is the size in bytes of a disk in memory for the state of the host's LXD and all
	// levels. 0 means no such disk.
	Disk int64
	// NoIdmapped makes the host's LXD change the owners of files instead of mounting them
	// idmapped.
	NoIdmapped bool
	// ViaExec makes nestbed reach levels through LXD exec. It does so anyway if this process may
	// not enter the root directory of the host's LXD.
	ViaExec bool
}

// A StateRoot is the directory in which private hosts keep their state and are registered by
// name. The zero value is the usual place.
type StateRoot struct {
	// Dir is the directory. Empty means /var/lib/nestbed.
	Dir string
	// memory is a directory whose files Linux keeps in memory (man 7 shm_overview). Empty means
	// /dev/shm. Tests use one of their own, which no other run reaps.
	memory string
}

// Path returns the absolute path of the directory, because journals outlive the working
// directory.
func (r StateRoot) Path() string {
	dir := cmp.Or(r.Dir, "/var/lib/nestbed")
	if abs, err := filepath.Abs(dir); err == nil {
		return abs
	}
	return dir
}

// entry returns the path at which a host is registered.
func (r StateRoot) entry(name string) string { return filepath.Join(r.Path(), name) }

// ErrNotRoot is the error of making a private host without root.
var ErrNotRoot = errors.New("requires root, to make namespaces and mounts; run as root or with sudo")
