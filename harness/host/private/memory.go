package private

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"nestbed/harness/inventory"
)

// memoryPrefix begins the names of state directories in memory.
const memoryPrefix = "nestbed-"

// Bytes that a host in memory needs: for the files of each level, and for everything else.
const (
	levelInMemory = 130 << 20
	leftOfMemory  = 4 << 30
)

// claim makes the state directory that the configuration describes.
func (c Config) claim(ctx context.Context) (*stateDir, error) {
	root := c.StateRoot
	if c.StateDir != "" || c.InMemory <= 0 || root.Dir != "" || !root.memoryHasRoom(c.InMemory) {
		return root.claim(ctx, c.StateDir)
	}
	dir, err := os.MkdirTemp(root.inMemory(), memoryPrefix)
	if err != nil {
		return root.claim(ctx, "") // as if there were no room in memory
	}
	s, err := root.claim(ctx, dir)
	if err != nil {
		_ = os.Remove(dir) // it may be gone already
	}
	return s, err
}

// inMemory returns the directory for state directories in memory.
func (r StateRoot) inMemory() string { return cmp.Or(r.memory, "/dev/shm") }

// memoryHasRoom reports whether the files of so many levels fit into memory. In memory, creating
// files avoids a slow search in ext4 without a journal: for each new file, ext4 skips all inodes
// that were deleted in the last minutes (fs/ext4/ialloc.c, recently_deleted).
func (r StateRoot) memoryHasRoom(levels int) bool {
	need := uint64(levels)*levelInMemory + leftOfMemory
	var fs unix.Statfs_t
	return unix.Statfs(r.inMemory(), &fs) == nil && fs.Type == unix.TMPFS_MAGIC &&
		fs.Bavail*uint64(fs.Bsize) >= need && inventory.AvailableMemory() >= need
}

// memoryDirs returns the state directories in memory, including those of other StateRoots. It
// ignores directories that others made there.
func (r StateRoot) memoryDirs() ([]string, error) {
	entries, err := os.ReadDir(r.inMemory())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var dirs []string
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasPrefix(e.Name(), memoryPrefix) || info.Mode() != os.ModeDir|0o700 ||
			int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() {
			continue
		}
		dirs = append(dirs, filepath.Join(r.inMemory(), e.Name()))
	}
	return dirs, err
}

// orphansInMemory returns the state directories in memory whose entry is gone along with its
// StateRoot. Containers may share the memory but not the StateRoot, so orphansInMemory leaves out
// directories whose entry other processes may see.
func (r StateRoot) orphansInMemory() ([]string, error) {
	dirs, err := r.memoryDirs()
	var found []string
	for _, dir := range dirs {
		j, err := readJournal(dir)
		if err != nil {
			continue
		}
		if _, err := os.Lstat(j.Entry); errors.Is(err, fs.ErrNotExist) && !usedElsewhere(j.Mounts) {
			found = append(found, dir)
		}
	}
	return found, err
}

// usedElsewhere reports whether mounts is a different mount namespace than this process's that may
// still contain processes.
func usedElsewhere(mounts string) bool {
	own, err := mountNamespace("self")
	if err != nil || mounts == own {
		return err != nil
	}
	// Any other pid namespace does not show all processes.
	const initial = "pid:[4026531836]" // include/linux/proc_ns.h, PROC_PID_INIT_INO
	if pids, err := os.Readlink("/proc/self/ns/pid"); err != nil || pids != initial {
		return true
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return true
	}
	return slices.ContainsFunc(processes, func(process string) bool {
		its, err := mountNamespace(filepath.Base(process)) // fails if it has ended, or belongs to the machine and is hidden from root here
		return err == nil && its == mounts
	})
}

// mountNamespace returns the name of a process's mount namespace, such as mnt:[4026531841].
func mountNamespace(pid string) (string, error) {
	return os.Readlink(filepath.Join("/proc", pid, "ns/mnt"))
}
