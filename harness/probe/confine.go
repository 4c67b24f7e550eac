package probe

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"nestbed/harness"
)

// Cover tells by what a path of the level is covered: the type of the filesystem that is mounted right there, on the
// path itself, such as tmpfs or fuse.lxcfs. Nothing is mounted there where it is empty.
func Cover(ctx context.Context, l *harness.Level, path string) (string, error) {
	mounts, err := l.Exec(ctx, "cat", "/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	cover := ""
	for line := range strings.Lines(mounts) { // man 5 proc: the last line of several is the one on top
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); len(fields) > 4 && fields[4] == path {
			cover, _, _ = strings.Cut(after, " ")
		}
	}
	return cover, nil
}

// OwnUserNamespace tells whether the level has another user namespace than what is above it, by the namespaces of their inits.
func OwnUserNamespace(l *harness.Level) (bool, error) {
	same, err := harness.SameUserNamespace(l.Above().Root(), l.Root())
	if err != nil {
		return false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	return !same, nil
}

// Holds tells whether a process of the level can have a capability (a number, man 7 capabilities) in its user
// namespace, by the bounding set of the level's init.
func Holds(l *harness.Level, capability int) (bool, error) {
	const name = "CapBnd:"
	status, err := l.ReadFile("/proc/1/status")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(string(status)) {
		text, found := strings.CutPrefix(line, name)
		if !found {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
		if err != nil {
			return false, fmt.Errorf("level %d: /proc/1/status: %s %q is not a hexadecimal number", l.Index, name, text)
		}
		return set&(1<<capability) != 0, nil
	}
	return false, fmt.Errorf("level %d: /proc/1/status has no line %s", l.Index, name)
}
