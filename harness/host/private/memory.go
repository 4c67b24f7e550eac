package private

import (
	"context"
	"os"

	"golang.org/x/sys/unix"

	"nestbed/harness/inventory"
)

// memoryRoot is where Linux offers files in memory (man 7 shm_overview). Tests have one of their own, where
// the reaps of other runs do not come.
var memoryRoot = "/dev/shm"

// memoryPrefix is that of state directories there.
const memoryPrefix = "nestbed-"

// What a host in memory takes: the files of a level, in bytes, and what must be left for all else.
const (
	levelInMemory = 130 << 20
	leftOfMemory  = 4 << 30
)

// claim claims the state directory that the configuration asks for.
func (c Config) claim(ctx context.Context) (*stateDir, error) {
	if c.StateDir != "" || c.InMemory <= 0 || os.Getenv(stateEnv) != "" || !memoryHasRoom(c.InMemory) {
		return claim(ctx, c.StateDir)
	}
	dir, err := os.MkdirTemp(memoryRoot, memoryPrefix)
	if err != nil {
		return claim(ctx, "") // as on a machine where it is not for us
	}
	s, err := claim(ctx, dir)
	if err != nil {
		_ = os.Remove(dir) // it may have been cleared already
	}
	return s, err
}

// memoryHasRoom reports whether the files of so many levels can lie in memory. That spares them the way
// in which ext4 without a journal makes a file: it looks at all that were removed
// in the last minutes, for one number that it may use again (fs/ext4/ialloc.c, recently_deleted).
func memoryHasRoom(levels int) bool {
	need := uint64(levels)*levelInMemory + leftOfMemory
	var fs unix.Statfs_t
	return unix.Statfs(memoryRoot, &fs) == nil && fs.Type == unix.TMPFS_MAGIC &&
		fs.Bavail*uint64(fs.Bsize) >= need && inventory.AvailableMemory() >= need
}
