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

// memoryPrefix is that of state directories there.
const memoryPrefix = "nestbed-"

// What a host in memory takes: the files of a level, in bytes, and what must be left for all else.
const (
	levelInMemory = 130 << 20
	leftOfMemory  = 4 << 30
)

// claim claims the state directory that the configuration asks for.
func (c Config) claim(ctx context.Context) (*stateDir, error) {
	root := c.StateRoot
	if c.StateDir != "" || c.InMemory <= 0 || root.Dir != "" || !root.memoryHasRoom(c.InMemory) {
		return root.claim(ctx, c.StateDir)
	}
	dir, err := os.MkdirTemp(root.inMemory(), memoryPrefix)
	if err != nil {
		return root.claim(ctx, "") // as on a machine where it is not for us
	}
	s, err := root.claim(ctx, dir)
	if err != nil {
		_ = os.Remove(dir) // it may have been cleared already
	}
	return s, err
}

// inMemory returns the directory in which state in memory lies.
func (r StateRoot) inMemory() string { return cmp.Or(r.memory, "/dev/shm") }

// memoryHasRoom reports whether the files of so many levels can lie in memory. That spares them the way
// in which ext4 without a journal makes a file: it looks at all that were removed
// in the last minutes, for one number that it may use again (fs/ext4/ialloc.c, recently_deleted).
func (r StateRoot) memoryHasRoom(levels int) bool {
	need := uint64(levels)*levelInMemory + leftOfMemory
	var fs unix.Statfs_t
	return unix.Statfs(r.inMemory(), &fs) == nil && fs.Type == unix.TMPFS_MAGIC &&
		fs.Bavail*uint64(fs.Bsize) >= need && inventory.AvailableMemory() >= need
}

// memoryDirs are the state directories in memory, those of other StateRoots too: hosts of ours, and
// nobody else's, though anybody may make a directory there.
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

// strays are the state directories in memory whose StateRoot is gone, and the entry with it. Containers
// may share the memory and not the files: then an entry that this process does not see may exist for another one.
func (r StateRoot) strays() ([]string, error) {
	dirs, err := r.memoryDirs()
	var found []string
	for _, dir := range dirs {
		j, err := readJournal(dir)
		if err != nil {
			continue
		}
		if _, err := os.Lstat(j.Entry); errors.Is(err, fs.ErrNotExist) && !ofOthers(j.Mounts) {
			found = append(found, dir)
		}
	}
	return found, err
}

// ofOthers reports whether a mount namespace is another one than this process's, and processes may be in it.
func ofOthers(mounts string) bool {
	own, err := mountNamespace("self")
	if err != nil || mounts == own {
		return err != nil
	}
	// From any other pid namespace, not all processes are seen.
	const initial = "pid:[4026531836]" // include/linux/proc_ns.h, PROC_PID_INIT_INO
	if pids, err := os.Readlink("/proc/self/ns/pid"); err != nil || pids != initial {
		return true
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return true
	}
	return slices.ContainsFunc(processes, func(process string) bool {
		its, err := mountNamespace(filepath.Base(process)) // fails if it has ended, or is the machine's and closed to root
		return err == nil && its == mounts
	})
}

// mountNamespace names that of a process.
func mountNamespace(pid string) (string, error) {
	return os.Readlink(filepath.Join("/proc", pid, "ns/mnt"))
}
