package probe

import (
	"context"
	"fmt"
	"strings"

	"github.com/moby/sys/mountinfo"

	"nestbed/harness"
	"nestbed/harness/internal/proc"
)

// Cover returns the type of the filesystem that is mounted exactly on a path of the level, such as
// tmpfs or fuse.lxcfs. It is empty if nothing is mounted there.
func Cover(ctx context.Context, l *harness.Level, path string) (string, error) {
	mounts, err := l.Exec(ctx, "cat", "/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	all, err := mountinfo.GetMountsFromReader(strings.NewReader(mounts), mountinfo.SingleEntryFilter(path))
	if err != nil {
		return "", fmt.Errorf("level %d: %w", l.Index, err)
	}
	cover := ""
	for _, m := range all { // the last mount is on top
		cover = m.FSType
	}
	return cover, nil
}

// OwnUserNamespace reports whether the level's init is in another user namespace than the init of
// the level above.
func OwnUserNamespace(ctx context.Context, l *harness.Level) (bool, error) {
	same, err := harness.SameUserNamespace(ctx, l.Above().Root(), l.Root())
	if err != nil {
		return false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return !same, nil
}

// HasCapability reports whether a process of the level can have a capability in its user
// namespace, by the bounding set of the level's init. The capability is a number (man 7
// capabilities).
func HasCapability(ctx context.Context, l *harness.Level, capability int) (bool, error) {
	status, err := l.ReadFile(ctx, "/proc/1/status")
	if err != nil {
		return false, err
	}
	init, err := proc.ParseStatus(string(status))
	if err != nil {
		return false, fmt.Errorf("level %d: its init: %w", l.Index, err)
	}
	return init.Bounding&(1<<capability) != 0, nil
}
