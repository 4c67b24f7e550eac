package limit

import (
	"context"
	"strings"

	"nestbed/harness"
)

// Controllers are the kernel's controllers of cgroup v2 that the level has for itself and what is inside it, as it sees them
// (Documentation/admin-guide/cgroup-v2.rst, cgroup.controllers).
func Controllers(ctx context.Context, l *harness.Level) ([]string, error) {
	text, err := l.Exec(ctx, "cat", "/sys/fs/cgroup/cgroup.controllers")
	return strings.Fields(text), err
}

// OutOfMemoryKills is, for the host and each level, how many of its own processes the kernel ended for want of memory.
func OutOfMemoryKills(c *harness.Chain) ([]int64, error) {
	var kills []int64
	for level := range len(c.Levels) + 1 {
		g, err := harness.CgroupOf(c, level, "memory")
		if err != nil {
			return nil, err
		}
		n, err := g.Killed()
		if err != nil {
			return nil, err
		}
		kills = append(kills, n)
		if g.Unified() && level > 0 {
			kills[level-1] -= n
		}
	}
	return kills, nil
}

// HeldPeriods is, for each level, its Cgroup.Held; that of the host is 0.
func HeldPeriods(c *harness.Chain) ([]int64, error) {
	held := []int64{0}
	for _, l := range c.Levels {
		g, err := harness.CgroupOf(c, l.Index, "cpu")
		if err != nil {
			return nil, err
		}
		n, err := g.Held()
		if err != nil {
			return nil, err
		}
		held = append(held, n)
	}
	return held, nil
}
