package harness

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/canonical/lxd/shared/api"
	"golang.org/x/sys/unix"

	"nestbed/harness/host"
	"nestbed/harness/internal/lxdop"
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
		l.Release()
	}
	ctx, cancel := context.WithTimeout(ctx, againBudget)
	defer cancel()
	var above Daemon = c.Host
	for i := range depth {
		l := &Level{Index: i + 1, Name: ContainerName(i + 1), Bundle: c.Spec.BundleOf(c.Host.Traits(), i+1), above: above}
		if i < len(old) {
			l.Name, l.Bundle, l.Took = old[i].Name, old[i].Bundle, old[i].Took
		}
		err := wait.For(ctx, "wait for it to run again", againBudget, func(ctx context.Context) error {
			err := l.Connect(ctx)
			if err != nil {
				l.Release()
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
func RestartLXDKilled(ctx context.Context, l *Level) error {
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
	if !l.root.Tunneled() {
		return signalDaemon(l.root, pid, unix.SIGTERM)
	}
	_, err := l.Exec(ctx, "kill", "-TERM", strconv.Itoa(pid))
	return err
}

func (l *Level) restartLXD(ctx context.Context, end func(old int) (int, error)) error {
	if err := l.ReplaceLXD(ctx, end); err != nil {
		return fmt.Errorf("level %d: restart LXD: %w", l.Index, err)
	}
	return nil
}

// ReplaceLXD calls end to end the LXD inside the level, whose process there is old, waits until the one that is started
// after it answers, and takes that for the level's. end returns the process that it ended last.
func (l *Level) ReplaceLXD(ctx context.Context, end func(old int) (last int, err error)) error {
	server, err := l.root.Restart(ctx, l.server, nil, end)
	if err != nil {
		return err
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

// Attach finds the levels of a chain that runs on a host of another process,
// level 1 first, as far down as they are up. Let go of them with Detach.
func Attach(ctx context.Context, h Daemon) ([]*Level, error) {
	var levels []*Level
	above := h
	for index := 1; ; index++ {
		state, _, err := lxdop.With(ctx, above.LXD()).GetInstanceState(ContainerName(index))
		if api.StatusErrorCheck(err, http.StatusNotFound) || err == nil && state.Pid <= 0 {
			return levels, nil
		}
		l := &Level{Index: index, Name: ContainerName(index), above: above}
		if err == nil {
			err = l.Connect(ctx)
		}
		if err != nil {
			Detach(levels)
			return nil, err
		}
		levels = append(levels, l)
		above = l
	}
}

// Detach lets go of attached levels, which run on.
func Detach(levels []*Level) {
	for _, l := range levels {
		l.Release()
	}
}
