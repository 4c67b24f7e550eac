package upgrade

import (
	"context"
	"fmt"
	"strings"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/internal/excerpt"
)

// ToIncus migrates a level's LXD to Incus with lxd-to-incus, which needs a bundle with
// Source.Migration. The tool stops LXD and all containers, moves the database and the files, and
// lets Incus start the containers that ran before. ToIncus returns when Incus answers.
func ToIncus(ctx context.Context, c *harness.Chain, level int, b *bundle.Bundle) error {
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	if !b.Flavor.Incus() || !b.Source.Migration {
		return fmt.Errorf("level %d: migrate: bundle %s has no lxd-to-incus; use a Debian Incus bundle with Source.Migration", level, b)
	}
	if l.Bundle.Flavor.Incus() {
		return fmt.Errorf("level %d: migrate: it already runs %s", level, l.Bundle.Daemon())
	}
	if err := layOver(ctx, c, level, b); err != nil {
		return err
	}
	err = l.ReplaceLXD(ctx, func(old int) (int, error) {
		said, err := l.Exec(ctx, "/usr/lib/nestbed/migrate")
		if err != nil {
			err = fmt.Errorf("%w: %s", err, strings.Join(excerpt.Tail(said, 3), ": "))
		}
		return old, err
	})
	if err != nil {
		return fmt.Errorf("level %d: migrate: %w", level, err)
	}
	return noteBundle(c, level, b)
}
