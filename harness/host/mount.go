package host

import (
	"fmt"

	"golang.org/x/sys/unix"
)

func mount(source, target, fstype string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, fstype, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", fstype, target, err)
	}
	return nil
}

// detached is a mount that is not attached to the tree yet (man 2 fsmount, man 2 open_tree).
type detached struct{ fd int }

// create mounts a new filesystem without devices, set-user-id programs and programs.
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

// attach attaches the mount to the tree.
func (d *detached) attach(target string) error {
	defer unix.Close(d.fd)
	if err := unix.MoveMount(d.fd, "", unix.AT_FDCWD, target, unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_SYMLINKS); err != nil {
		return fmt.Errorf("mount on %s: %w", target, err)
	}
	return nil
}
