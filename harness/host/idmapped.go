package host

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
)

// MountsIdmapped tells whether the daemon of a bundle, on this kernel, mounts
// files in the directory idmapped; where it cannot it changes their owners. It
// does what they do at the first start of a container: clone the mount and set
// on it the map of a new user namespace, which is empty with some
// (LXD: idmap/shift_linux.go, CanIdmapMount).
func MountsIdmapped(dir string, b *bundle.Bundle) (bool, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return false, fmt.Errorf("clone the mount of %s: %w", dir, err)
	}
	defer unix.Close(tree)
	namespace, err := userNamespace(!b.EmptyTrial)
	if err != nil {
		return false, err
	}
	defer namespace.Close()
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{
		Attr_set: unix.MOUNT_ATTR_IDMAP, Propagation: unix.MS_SLAVE, Userns_fd: uint64(namespace.Fd()),
	})
	return err == nil, nil
}

// userNamespace makes a user namespace, in which root is mapped or nothing is.
func userNamespace(mapped bool) (*os.File, error) {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER,
		Ptrace:     true, // it stops before its first instruction
	}
	if mapped {
		attr.UidMappings = []syscall.SysProcIDMap{{Size: 1}}
		attr.GidMappings = attr.UidMappings
	}
	runtime.LockOSThread() // who starts a traced process must be who waits for it
	defer runtime.UnlockOSThread()
	p, err := os.StartProcess("/proc/self/exe", []string{"nestbed"}, &os.ProcAttr{Sys: attr})
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", p.Pid))
	_ = p.Kill() // it is our child, and stopped
	_, _ = p.Wait()
	return namespace, err
}
