package limit

import (
	"context"
	"strings"

	"nestbed/harness"
)

// Controllers returns the cgroup v2 controllers that are available to the level and to the levels
// inside it, read in the level (Documentation/admin-guide/cgroup-v2.rst, cgroup.controllers).
func Controllers(ctx context.Context, l *harness.Level) ([]string, error) {
	text, err := l.Exec(ctx, "cat", "/sys/fs/cgroup/cgroup.controllers")
	return strings.Fields(text), err
}

// OutOfMemoryKills returns, for the host and each level, the number of its own processes that the
// out-of-memory killer has killed.
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

// HeldPeriods returns Cgroup.Held of each level, after a 0 for the host.
func HeldPeriods(c *harness.Chain) ([]int64, error) {
	held := []int64{0}
	for _, l := range c.Levels {
		g, err := harness.CgroupOf(c, l.Index, "cpu")
		if err != nil {
			return nil, err
		}
		n, err := g.Throttled()
		if err != nil {
			return nil, err
		}
		held = append(held, n)
	}
	return held, nil
}
