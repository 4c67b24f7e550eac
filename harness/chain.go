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

// closeBudget bounds how long LXD may take to delete level 1 with everything in it. At depth 32 it
// takes 2.4 s with a small bundle and 29 s with Debian's.
const closeBudget = 2 * time.Minute

// A Chain is a chain of levels on a host: all of them, or those above the level where it stopped.
type Chain struct {
	Host host.Host
	Spec Spec
	// Plan says what must happen. Build computes it before the first level, and again if it learns
	// ids or traits of the host later.
	Plan idmap.Plan
	// Levels are the levels that are up, level 1 first.
	Levels []*Level
	// Stop says where and why the chain stopped. It is nil if the chain is complete.
	Stop *LevelError

	companions []Companion
	nextImport *Importing // the import for the next level, if it has begun
}

// A Companion exists beside the levels of a chain and ends with the chain, such as a sibling.
type Companion interface {
	// Release closes descriptors.
	Release()
	// Delete deletes what is left of the companion after Close has deleted level 1.
	Delete(ctx context.Context) error
	// Replaced is called after the LXD of the host (level 0) or of a level was replaced by a new
	// process.
	Replaced(ctx context.Context, level int) error
}

// AddCompanion adds a companion, which Close ends with the chain.
func (c *Chain) AddCompanion(companion Companion) { c.companions = append(c.companions, companion) }

// Companions returns the companions of the chain.
func (c *Chain) Companions() []Companion { return slices.Clone(c.companions) }

// Deepest returns the deepest level that is up, or nil if none is.
func (c *Chain) Deepest() *Level {
	if c == nil || len(c.Levels) == 0 {
		return nil
	}
	return c.Levels[len(c.Levels)-1]
}

// Close deletes level 1 from the host with everything inside it, and ends the companions. If the
// host is closed, Close only releases descriptors. It does nothing to a nil chain.
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

// Level returns the level with that index, from 1. It fails if the level is not up.
func (c *Chain) Level(index int) (*Level, error) {
	if c == nil {
		return nil, errors.New("no chain was built")
	}
	if index < 1 || index > len(c.Levels) {
		return nil, fmt.Errorf("level %d: not up: %d levels are", index, len(c.Levels))
	}
	return c.Levels[index-1], nil
}

// Path returns the path of a level as nestbed shell takes it: c1/c2 for level 2, host for level 0.
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

// Daemon returns the LXD of the host (level 0) or of a level that is up.
func (c *Chain) Daemon(level int) (Daemon, error) {
	if level == 0 {
		return c.Host, nil
	}
	return c.Level(level)
}

// ExecAt runs a program as root on the host (level 0) or in a level. See Level.Exec.
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
