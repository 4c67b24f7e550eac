package life

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"nestbed/harness"
	"nestbed/harness/host"
	"nestbed/harness/reach"
	"nestbed/harness/wait"
)

// A clock is a program that adds a byte to a file about a hundred times a second.
const (
	clockFile    = "/run/nestbed-clock"
	clockProgram = "while :; do echo >>" + clockFile + "; usleep 10000; done"
	// background starts the shell's $0 in the background, without a descriptor that LXD would wait
	// for.
	background = `setsid sh -c "$0" </dev/null >/dev/null 2>&1 &`
	// clockBudget limits the wait for a clock to tick a few times; a tick takes some ten
	// milliseconds.
	clockBudget = 20 * time.Second
	// aFewTicks is the number of ticks of the running clocks after which the others count as
	// stopped.
	aFewTicks = 20
)

// StartClocks starts a clock on the host and at every level, and returns when all of them tick.
func StartClocks(ctx context.Context, c *harness.Chain) error {
	command := []string{"sh", "-c", background, clockProgram}
	if _, err := host.Exec(ctx, c.Host, command...); err != nil {
		return err
	}
	for _, l := range c.Levels {
		if _, err := l.Exec(ctx, command...); err != nil {
			return err
		}
	}
	return wait.For(ctx, "wait for the clocks to tick", clockBudget, func(context.Context) error {
		sizes, err := ticks(ctx, c)
		if err == nil && slices.Contains(sizes, 0) {
			err = fmt.Errorf("they are at %d", sizes)
		}
		return err
	})
}

// Clocks reports which clocks keep ticking, the host's first. It waits until the host's clock and
// those above the level have ticked a few times; a clock that has not ticked by then has stopped.
func Clocks(ctx context.Context, c *harness.Chain, level int) (goOn []bool, err error) {
	before, err := ticks(ctx, c)
	if err != nil {
		return nil, err
	}
	var now []int64
	err = wait.For(ctx, "wait for clocks to go on", clockBudget, func(context.Context) (err error) {
		if now, err = ticks(ctx, c); err != nil {
			return wait.Final(err)
		}
		for i := range min(max(level, 1), len(now)) {
			if now[i] < before[i]+aFewTicks {
				return fmt.Errorf("level %d: its clock was at %d and is at %d", i, before[i], now[i])
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, wait.ErrTimeout) {
		return nil, err
	}
	for i := range now {
		goOn = append(goOn, now[i] != before[i])
	}
	return goOn, nil
}

// ticks reads all clocks from outside, because nothing can be run in a frozen level.
func ticks(ctx context.Context, c *harness.Chain) ([]int64, error) {
	roots := []*reach.Root{c.Host.Root()}
	for _, l := range c.Levels {
		roots = append(roots, l.Root())
	}
	var sizes []int64
	for level, root := range roots {
		info, err := root.Look(ctx, clockFile)
		if err != nil {
			return nil, fmt.Errorf("level %d: clock: %w", level, err)
		}
		sizes = append(sizes, info.Size)
	}
	return sizes, nil
}
