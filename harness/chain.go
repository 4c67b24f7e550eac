package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// closeBudget is for LXD to delete level 1 with everything in it: 2.4 s at depth 32 with a small bundle, 29 s with Debian's.
const closeBudget = 2 * time.Minute

// Chain is a chain of levels on a host, whole or up to where it stopped.
type Chain struct {
	Host host.Host
	Spec Spec
	// Plan is what must happen, computed before the first level was made.
	Plan idmap.Plan
	// Levels are those that are up, level 1 first.
	Levels []*Level
	// Stop is where and why the chain stopped; nil if it is whole.
	Stop *LevelError

	siblings map[int]*Siblings
	coming   *importing // for the level that is made next, if it has begun
}

// Deepest is the last level that is up, nil if none is.
func (c *Chain) Deepest() *Level {
	if c == nil || len(c.Levels) == 0 {
		return nil
	}
	return c.Levels[len(c.Levels)-1]
}

// Close deletes the chain from its host: level 1, and with it all that is
// inside. It is nil-safe, and only lets go of a chain whose host is closed.
func (c *Chain) Close(ctx context.Context) error {
	if c == nil {
		return nil
	}
	for _, s := range c.siblings {
		s.close()
	}
	for _, l := range slices.Backward(c.Levels) {
		l.close()
	}
	c.Levels = nil
	if c.Host.Closed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeBudget)
	defer cancel()
	if err := lxdop.Remove(ctx, c.Host.LXD(), containerName(1)); err != nil {
		return fmt.Errorf("close chain: level 1: %w", err)
	}
	return c.deleteBeside(ctx)
}

// Level gives a level that is up, by its index from 1.
func (c *Chain) Level(index int) (*Level, error) {
	if c == nil {
		return nil, errors.New("no chain was built")
	}
	if index < 1 || index > len(c.Levels) {
		return nil, fmt.Errorf("level %d: wanted up, got %d levels that are", index, len(c.Levels))
	}
	return c.Levels[index-1], nil
}

// Path names a level as nestbed shell does: c1/c2 for level 2, host for level 0.
func (c *Chain) Path(level int) string {
	if level == 0 {
		return "host"
	}
	var names []string
	for _, l := range c.Levels[:level] {
		names = append(names, l.Name)
	}
	return strings.Join(names, "/")
}

// daemon is the LXD of the host, level 0, or of a level that is up.
func (c *Chain) daemon(level int) (daemon, error) {
	if level == 0 {
		return c.Host, nil
	}
	return c.Level(level)
}

// ExecAt runs a program on the host, level 0, or in a level, as root there. See Level.Exec.
func (c *Chain) ExecAt(ctx context.Context, level int, command ...string) (string, error) {
	if level == 0 {
		return host.Exec(ctx, c.Host, command...)
	}
	l, err := c.Level(level)
	if err != nil {
		return "", err
	}
	return l.Exec(ctx, command...)
}
