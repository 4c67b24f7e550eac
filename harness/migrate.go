package harness

import (
	"context"
	"fmt"
	"strings"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// Migrate makes an Incus of a level's LXD, by Incus's own tool, which is in a bundle with Migration: it stops LXD and all
// that runs inside, moves its records and files, and has Incus start what ran before. It returns when Incus answers.
func (c *Chain) Migrate(ctx context.Context, level int, b *bundle.Bundle) error {
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	if b.Flavor != idmap.Incus || !b.Source.Migration {
		return fmt.Errorf("level %d: migrate: bundle %s has no lxd-to-incus; give an Incus of Debian's with Source.Migration", level, b)
	}
	if l.Bundle.Flavor == idmap.Incus {
		return fmt.Errorf("level %d: migrate: it runs %s already, which has nothing to take over", level, l.Bundle.Daemon())
	}
	if err := c.layOver(ctx, level, b); err != nil {
		return err
	}
	server, err := l.root.Restart(ctx, l.server, nil, func(old int) (int, error) {
		said, err := l.Exec(ctx, "/usr/lib/nestbed/migrate")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, strings.Join(tail(said, 3), ": "))
		}
		return old, err
	})
	if err != nil {
		return fmt.Errorf("level %d: migrate: %w", level, err)
	}
	l.server = server
	return c.runs(level, b)
}
