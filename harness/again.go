package harness

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"golang.org/x/sys/unix"

	"nestbed/harness/host"
	"nestbed/harness/wait"
)

// againBudget is for LXDs to start what ran before; it takes about a second a level.
const againBudget = 2 * time.Minute

// Reattach waits until the first depth levels of the chain run again, each with
// its LXD answering, after something ended or moved them, and reaches into them
// anew. Levels further down are let go of. It starts none: that is for LXD to do.
func (c *Chain) Reattach(ctx context.Context, depth int) error {
	old := c.Levels
	c.Levels = nil
	for _, l := range old {
		l.close()
	}
	ctx, cancel := context.WithTimeout(ctx, againBudget)
	defer cancel()
	var above daemon = c.Host
	for i := range depth {
		l := &Level{Index: i + 1, Name: containerName(i + 1), Bundle: c.Spec.bundleOf(c.Host.Traits(), i+1), above: above}
		if i < len(old) {
			l.Name, l.Bundle, l.Took = old[i].Name, old[i].Bundle, old[i].Took
		}
		err := wait.For(ctx, "wait for it to run again", againBudget, func(ctx context.Context) error {
			err := l.connect(ctx)
			if err != nil {
				l.close()
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("level %d: %w", l.Index, err)
		}
		c.Levels = append(c.Levels, l)
		above = l
	}
	return nil
}

// RestartLXD ends the LXD inside the level, which leaves its containers running,
// and returns when the one that the level's init starts in its place answers.
func (l *Level) RestartLXD(ctx context.Context) error {
	return l.restartLXD(ctx, func(old int) (int, error) { return old, l.endLXD(ctx, old) })
}

// RestartLXDKilled is RestartLXD in which the next one is killed as soon as it answers, without a wait for it to be ready, and
// the one after that takes its place.
func (l *Level) RestartLXDKilled(ctx context.Context) error {
	return l.restartLXD(ctx, func(old int) (int, error) {
		if err := l.endLXD(ctx, old); err != nil {
			return 0, err
		}
		next, err := l.root.Next(ctx, old)
		if err != nil {
			return 0, err
		}
		return next, signalDaemon(l.root, next, unix.SIGKILL)
	})
}

// endLXD asks the LXD inside, known by its id there, to end.
func (l *Level) endLXD(ctx context.Context, pid int) error {
	if !l.root.Far() {
		return signalDaemon(l.root, pid, unix.SIGTERM)
	}
	_, err := l.Exec(ctx, "kill", "-TERM", strconv.Itoa(pid))
	return err
}

func (l *Level) restartLXD(ctx context.Context, end func(old int) (int, error)) error {
	server, err := l.root.Restart(ctx, l.server, nil, end)
	if err != nil {
		return fmt.Errorf("level %d: restart LXD: %w", l.Index, err)
	}
	l.server = server
	return nil
}

// RestartLXD restarts the LXD of the host, level 0, or of a level, as an edit of its subid files asks for.
func (c *Chain) RestartLXD(ctx context.Context, level int) error {
	if level == 0 {
		return host.RestartLXD(ctx, c.Host)
	}
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	return l.RestartLXD(ctx)
}
