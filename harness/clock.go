package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"nestbed/harness/host"
	"nestbed/harness/wait"
)

// A clock is a program that adds a byte to a file about a hundred times a second.
const (
	clockFile    = "/run/nestbed-clock"
	clockProgram = "while :; do echo >>" + clockFile + "; usleep 10000; done"
	// background has a shell start its $0 as a program of its own, with no descriptor that LXD would wait for.
	background = `setsid sh -c "$0" </dev/null >/dev/null 2>&1 &`
	// clockBudget is for a clock to tick a few times: some ten milliseconds each.
	clockBudget = 20 * time.Second
	// aFewTicks is how far a clock goes on before one that did not is said to stand still.
	aFewTicks = 20
)

// StartClocks starts a clock on the host and one at every level, and returns when all tick.
func (c *Chain) StartClocks(ctx context.Context) error {
	command := []string{"sh", "-c", background, clockProgram}
	if _, err := c.Host.Exec(ctx, command...); err != nil {
		return err
	}
	for _, l := range c.Levels {
		if _, err := l.Exec(ctx, command...); err != nil {
			return err
		}
	}
	return c.ClocksGo(ctx, 0, len(c.Levels))
}

// ClocksGo waits until the clocks of these levels, level 0 being the host, have gone on.
func (c *Chain) ClocksGo(ctx context.Context, from, to int) error {
	for level := from; level <= to; level++ {
		before, err := c.ticks(level)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		err = wait.For(ctx, fmt.Sprintf("level %d: wait for its clock to go on", level), clockBudget, func(context.Context) error {
			now, err := c.ticks(level)
			if err == nil && now < before+aFewTicks {
				err = fmt.Errorf("it was at %d and is at %d", before, now)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// ClocksStand fails if the clock of the level, or of one inside it, goes on while
// those above it, the host's among them, do.
func (c *Chain) ClocksStand(ctx context.Context, level int) error {
	before := map[int]int64{}
	for i := level; i <= len(c.Levels); i++ {
		var err error
		if before[i], err = c.ticks(i); err != nil {
			return err
		}
	}
	if err := c.ClocksGo(ctx, 0, level-1); err != nil {
		return err
	}
	for i := level; i <= len(c.Levels); i++ {
		now, err := c.ticks(i)
		if err != nil {
			return err
		}
		if now != before[i] {
			return fmt.Errorf("level %d: its clock was at %d and is at %d; expected to stand still while those above level %d went on",
				i, before[i], now, level)
		}
	}
	return nil
}

// ticks reads a clock, from outside: nothing can be run in a level that is frozen.
func (c *Chain) ticks(level int) (int64, error) {
	var root *host.Root
	if level == 0 {
		root = c.Host.Root()
	} else {
		l, err := c.Level(level)
		if err != nil {
			return 0, err
		}
		root = l.Root()
	}
	info, err := root.Look(clockFile)
	if err != nil {
		return 0, fmt.Errorf("level %d: clock: %w", level, err)
	}
	return info.Size, nil
}
