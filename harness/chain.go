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

	companions []Companion
	coming     *Importing // for the level that is made next, if it has begun
}

// Companion is what stands beside the levels of a chain, such as siblings, and ends with the chain.
type Companion interface {
	// Release closes descriptors.
	Release()
	// Delete deletes what does not go with level 1. Close calls it when level 1 is deleted.
	Delete(ctx context.Context) error
	// Replaced is told that the LXD of the host, level 0, or of a level is another one, which has just started.
	Replaced(ctx context.Context, level int) error
}

// Accompany has a companion end with the chain.
func (c *Chain) Accompany(companion Companion) { c.companions = append(c.companions, companion) }

// Companions returns the companions of the chain.
func (c *Chain) Companions() []Companion { return slices.Clone(c.companions) }

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
	for _, companion := range c.companions {
		companion.Release()
	}
	for _, l := range slices.Backward(c.Levels) {
		l.Release()
	}
	c.Levels = nil
	if c.Host.Closed() {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeBudget)
	defer cancel()
	if err := lxdop.Remove(ctx, c.Host.LXD(), ContainerName(1)); err != nil {
		return fmt.Errorf("close chain: level 1: %w", err)
	}
	var errs []error
	for _, companion := range c.companions {
		errs = append(errs, companion.Delete(ctx))
	}
	return errors.Join(errs...)
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

// Daemon is the LXD of the host, level 0, or of a level that is up.
func (c *Chain) Daemon(level int) (Daemon, error) {
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
