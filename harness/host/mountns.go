package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// mountNS is the mount namespace that a LXD is started in. It is held open: it is there for as long as that.
type mountNS struct{ file *os.File }

// daemonNames are those of programs that are a LXD or an Incus.
var daemonNames = []string{"lxd", "incusd"}

// startsIn is the mount namespace of who has started a LXD, by the id of that: the LXD's own one ends with it.
func startsIn(lxd int) (mountNS, error) {
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", lxd))
	if err != nil {
		return mountNS{}, fmt.Errorf("its process %d: %w; is it in a pid namespace of its own?", lxd, err)
	}
	// An upgrade replaces the program of one that runs.
	if name := strings.TrimSuffix(filepath.Base(program), " (deleted)"); !slices.Contains(daemonNames, name) {
		return mountNS{}, fmt.Errorf("its process %d is %s here, expected one of %q; is it in a pid namespace of its own?", lxd, program, daemonNames)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", lxd))
	if err != nil {
		return mountNS{}, err
	}
	parent := parentIn(string(status))
	if parent == "" || parent == "0" {
		return mountNS{}, fmt.Errorf("its process %d was started from outside of this pid namespace; run nestbed where its parent is seen", lxd)
	}
	file, err := os.Open("/proc/" + parent + "/ns/mnt")
	return mountNS{file}, err
}

// parentIn is the id of the parent by /proc/PID/status (man 5 proc_pid_status), "" where that does not say.
func parentIn(status string) string {
	for line := range strings.Lines(status) {
		if parent, ok := strings.CutPrefix(line, "PPid:"); ok {
			return strings.TrimSpace(parent)
		}
	}
	return ""
}

func (ns mountNS) close() {
	if ns.file != nil {
		_ = ns.file.Close()
	}
}

// enter does something with that namespace's root directory and paths.
func (ns mountNS) enter(do func() error) error {
	return onOwnThread(func() error {
		// Who shares the root directory with others may not change it (man 2 setns).
		if err := unix.Unshare(unix.CLONE_FS); err != nil {
			return err
		}
		if err := unix.Setns(int(ns.file.Fd()), unix.CLONE_NEWNS); err != nil {
			return fmt.Errorf("enter the mount namespace that LXD is started in: %w", err)
		}
		return do()
	})
}

// onOwnThread does something that its thread is no use for anything else after: that ends with it. It is never the first one, by which
// the kernel shows the whole process in /proc.
func onOwnThread(do func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked, but for the first one
		if unix.Gettid() != os.Getpid() {
			done <- do()
			return
		}
		done <- onOwnThread(do)
		runtime.UnlockOSThread()
	}()
	return <-done
}

// mountsOn are the mounts on a path of the namespace of the calling thread, of which top is the one that is seen there, 0 where that
// is none of them.
func mountsOn(path string) (mounts []*mountinfo.Info, top int, err error) {
	table, err := os.Open("/proc/thread-self/mountinfo")
	if err != nil {
		return nil, 0, err
	}
	defer table.Close()
	mounts, err = mountinfo.GetMountsFromReader(table, func(m *mountinfo.Info) (skip, stop bool) { return m.Mountpoint != path, false })
	if err != nil {
		return nil, 0, err
	}
	var seen unix.Statx_t
	err = unix.Statx(unix.AT_FDCWD, path, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_MNT_ID, &seen)
	if err != nil && !errors.Is(err, unix.ENOENT) {
		return nil, 0, &os.PathError{Op: "statx", Path: path, Err: err}
	}
	for _, m := range mounts {
		if uint64(m.ID) == seen.Mnt_id {
			top = m.ID
		}
	}
	return mounts, top, nil
}
