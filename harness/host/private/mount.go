package private

import (
	"fmt"
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
)

func mount(source, target, fstype string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", fstype, target, err)
	}
	return nil
}

// detached is a mount that is not attached to the tree yet (man 2 fsmount, man 2 open_tree).
type detached struct{ fd int }

// create mounts a new filesystem with nosuid, nodev and noexec.
func (d *detached) create(fstype string) error {
	fs, err := unix.Fsopen(fstype, unix.FSOPEN_CLOEXEC)
	if err != nil {
		return fmt.Errorf("mount %s: %w", fstype, err)
	}
	defer unix.Close(fs)
	if err = unix.FsconfigCreate(fs); err == nil {
		d.fd, err = unix.Fsmount(fs, unix.FSMOUNT_CLOEXEC, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC)
	}
	if err != nil {
		return fmt.Errorf("mount %s: %w", fstype, err)
	}
	return nil
}

// clone makes a bind mount of a directory.
func (d *detached) clone(dir string) (err error) {
	if d.fd, err = unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC); err != nil {
		return fmt.Errorf("clone the mount of %s: %w", dir, err)
	}
	return nil
}

func (d *detached) attach(target string) error {
	defer unix.Close(d.fd)
	if err := unix.MoveMount(d.fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS); err != nil {
		return fmt.Errorf("mount on %s: %w", target, err)
	}
	return nil
}

// MountsIdmapped reports whether the daemon of a bundle, on this kernel, mounts files in the
// directory idmapped. Otherwise it changes their owners.
//
// It makes the same attempt as the daemon at the first start of a container: it clones the mount
// and sets the map of a new user namespace on it. Some daemons use an empty map (LXD:
// idmap/shift_linux.go, CanIdmapMount).
func MountsIdmapped(dir string, b *bundle.Bundle) (bool, error) {
	tree, err := unix.OpenTree(unix.AT_FDCWD, dir, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
	if err != nil {
		return false, fmt.Errorf("clone the mount of %s: %w", dir, err)
	}
	defer unix.Close(tree)
	namespace, err := userNamespace(!b.TestsWithEmptyNamespace)
	if err != nil {
		return false, err
	}
	defer namespace.Close()
	err = unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH, &unix.MountAttr{
		Attr_set: unix.MOUNT_ATTR_IDMAP, Propagation: unix.MS_SLAVE, Userns_fd: uint64(namespace.Fd()),
	})
	return err == nil, nil
}

// userNamespace makes a user namespace that maps root, or nothing.
func userNamespace(mapped bool) (*os.File, error) {
	attr := &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER,
		Ptrace:     true, // stops before its first instruction
	}
	if mapped {
		attr.UidMappings = []syscall.SysProcIDMap{{Size: 1}}
		attr.GidMappings = attr.UidMappings
	}
	runtime.LockOSThread() // the thread that starts a traced process must wait for it
	defer runtime.UnlockOSThread()
	p, err := os.StartProcess("/proc/self/exe", []string{"nestbed"}, &os.ProcAttr{Sys: attr})
	if err != nil {
		return nil, fmt.Errorf("make a user namespace: %w", err)
	}
	namespace, err := os.Open(fmt.Sprintf("/proc/%d/ns/user", p.Pid))
	_ = p.Kill() // our own stopped child
	_, _ = p.Wait()
	return namespace, err
}
