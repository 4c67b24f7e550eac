package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// subIDFiles are the files of a host's allocation. The first one is covered first and uncovered last, and is what is locked.
var subIDFiles = [2]string{"/etc/subuid", "/etc/subgid"}

// coverPrefix is that of the source of a mount that covers such a file, as /proc/PID/mountinfo shows it; the rest is whose it is.
const coverPrefix = "nestbed:"

// cover is what covers the files of a host: mounts that are nowhere yet, of files that only those have. Nothing of them lies on a disk.
type cover struct {
	trees [2]*os.File
	// lock is held on what is then seen in the place of the first file.
	lock *os.File
}

// makeCover makes files with other texts than the host's, read only: an editor that writes into the file, rather than put
// another in its place, shall not write here, where it would be lost.
func makeCover(by owner, texts [2]string) (c *cover, err error) {
	c = &cover{}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("files to cover %s and %s: %w", subIDFiles[0], subIDFiles[1], err), c.close())
		}
	}()
	return c, onOwnThread(func() error {
		// A mount namespace that ends with the thread; of its mounts only those stay that are held.
		if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
			return err
		}
		if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			return err
		}
		const plain = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC
		if err := mount(coverPrefix+by.String(), "/etc", "tmpfs", plain, "mode=755"); err != nil {
			return err
		}
		for i, path := range subIDFiles {
			if err := os.WriteFile(path, []byte(texts[i]), 0o644); err != nil {
				return err
			}
			if err := os.Chmod(path, 0o644); err != nil { // whatever the umask is
				return err
			}
		}
		if err := mount("", "/etc", "", plain|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return err
		}
		for i, path := range subIDFiles {
			fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC)
			if err != nil {
				return &fs.PathError{Op: "open_tree", Path: path, Err: err}
			}
			c.trees[i] = os.NewFile(uintptr(fd), path)
		}
		if c.lock, err = os.Open(subIDFiles[0]); err != nil {
			return err
		}
		return unix.Flock(int(c.lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	})
}

// put covers the files of a namespace. Where it fails, they may be half covered.
func (c *cover) put(ns mountNS) error {
	return ns.enter(func() error {
		for i, path := range subIDFiles {
			if err := unix.MoveMount(int(c.trees[i].Fd()), "", unix.AT_FDCWD, path, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
				return &fs.PathError{Op: "mount over", Path: path, Err: err}
			}
		}
		return nil
	})
}

func (c *cover) close() error {
	var errs []error
	for _, f := range []*os.File{c.trees[0], c.trees[1], c.lock} {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	return errors.Join(errs...)
}

// uncover has the files of a namespace seen again, whatever of nestbed's covers them. It may be done again. Only who holds the lock may.
func uncover(ns mountNS) error {
	return ns.enter(func() error {
		return errors.Join(uncoverHere(subIDFiles[1]), uncoverHere(subIDFiles[0]))
	})
}

func uncoverHere(path string) error {
	for {
		mounts, top, err := mountsOn(path)
		if err != nil {
			return err
		}
		ours := 0
		for _, m := range mounts {
			if strings.HasPrefix(m.Source, coverPrefix) {
				ours = m.ID
			} else if m.ID == top {
				err = fmt.Errorf("%s: somebody has mounted %s over nestbed's mount; unmount that, then: nestbed reap --host system", path, m.Source)
			}
		}
		if ours == 0 {
			return nil
		} else if err != nil {
			return err
		}
		// Whoever has the file open keeps that.
		if err := unix.Unmount(path, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			return &fs.PathError{Op: "unmount", Path: path, Err: err}
		}
	}
}

// coveredBy is whose mount covers a file of a namespace, nil where there is none of nestbed's.
func coveredBy(ns mountNS) (by *owner, err error) {
	err = ns.enter(func() error {
		for _, path := range subIDFiles {
			mounts, _, err := mountsOn(path)
			if err != nil {
				return err
			}
			for _, m := range mounts {
				text, ok := strings.CutPrefix(m.Source, coverPrefix)
				if !ok {
					continue
				}
				o, err := parseOwner(text)
				if err != nil {
					return fmt.Errorf("mount on %s: %w", path, err)
				}
				by = &o
				return nil
			}
		}
		return nil
	})
	return by, err
}

// readSubIDs are the texts of both files as they are seen in a namespace.
func readSubIDs(ns mountNS) (texts [2]string, err error) {
	err = ns.enter(func() error {
		for i, path := range subIDFiles {
			info, err := os.Lstat(path)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return fmt.Errorf("%s: missing, and nothing can be mounted over it: touch %s, and restart LXD", path, path)
			case err != nil:
				return err
			case !info.Mode().IsRegular():
				return fmt.Errorf("%s: it is %s, expected a regular file, to mount another one over it", path, info.Mode())
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			texts[i] = string(text)
		}
		return nil
	})
	return texts, err
}

// lockSubIDs keeps others from covering the files of a namespace for as long as the returned one is open, here or in a child. What a run that has
// ended left over them is uncovered: cleared tells that there was some, so that the LXD may have read it. While the run lives that covers them,
// the error is ErrBusy; one that is being restored is waited for.
func lockSubIDs(ctx context.Context, ns mountNS) (lock *os.File, cleared bool, err error) {
	err = wait.For(ctx, "lock "+subIDFiles[0], readyBudget, func(context.Context) error {
		var left bool
		if lock, left, err = tryLockSubIDs(ns); left {
			cleared = true
		}
		return err
	})
	return lock, cleared, err
}

func tryLockSubIDs(ns mountNS) (lock *os.File, cleared bool, err error) {
	err = ns.enter(func() (err error) {
		lock, err = os.Open(subIDFiles[0])
		return err
	})
	if err != nil {
		return nil, false, wait.Final(err)
	}
	// It locks what is seen: the host's file or, where that is covered, the mounted one, which its run and the guard of that hold.
	busy := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	by, err := coveredBy(ns)
	switch {
	case err != nil:
		err = wait.Final(err)
	case busy != nil:
		err = busyBy(by)
	case by == nil:
		return lock, false, nil
	default:
		if err = uncover(ns); err != nil {
			err = wait.Final(err)
		} else {
			cleared, err = true, errCleared
		}
	}
	return nil, cleared, errors.Join(err, lock.Close())
}

// errCleared is why the lock is tried again: now it is that of the host's own file.
var errCleared = errors.New("a run that has ended had covered it")

// busyBy is that somebody has the files, and waited for only where its run has ended.
func busyBy(by *owner) error {
	if by == nil {
		return fmt.Errorf("%s: %w by a run of nestbed that covers or restores it", subIDFiles[0], ErrBusy)
	}
	err := fmt.Errorf("%s: %w by nestbed, process %s; wait for it or end it", subIDFiles[0], ErrBusy, by.Pid)
	here, failed := thisProcess()
	if failed != nil {
		return wait.Final(failed)
	}
	if seen, _ := by.seenFrom(here); seen != ended {
		return wait.Final(err)
	}
	return err
}

// textsOf are the texts of the files that an allocation is in.
func textsOf(d idmap.Delegation) (texts [2]string, err error) {
	if d.UID.Missing || d.GID.Missing {
		return texts, fmt.Errorf("a host without %s or %s: %w", subIDFiles[0], subIDFiles[1], ErrNotOurs)
	}
	return [2]string{d.UID.Text, d.GID.Text}, nil
}
