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

// reattachBudget bounds how long LXDs may take to start their containers again: about a second a
// level.
const reattachBudget = 2 * time.Minute

// Reattach waits until the first depth levels run again and their LXDs answer, after something
// ended or moved them, and connects to them again. It releases the deeper levels. It does not
// start levels; LXD must do that.
func (c *Chain) Reattach(ctx context.Context, depth int) error {
	old := c.Levels
	c.Levels = nil
	for _, l := range old {
		l.Release()
	}
	ctx, cancel := context.WithTimeout(ctx, reattachBudget)
	defer cancel()
	var above Daemon = c.Host
	for i := range depth {
		l := c.newLevel(above, i+1)
		if i < len(old) {
			l.Name, l.Bundle, l.Took = old[i].Name, old[i].Bundle, old[i].Took
		}
		err := wait.For(ctx, "wait for it to run again", reattachBudget, func(ctx context.Context) error {
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

// RestartLXD ends the LXD inside the level, whose containers keep running. It returns when the LXD
// that the level's init starts next answers.
func (l *Level) RestartLXD(ctx context.Context) error {
	return l.restartLXD(ctx, func(old int) (int, error) { return old, l.endLXD(ctx, old) })
}

// RestartLXDKilled is RestartLXD, but kills the next LXD as soon as it answers, before it is
// ready. The one after that becomes the level's LXD.
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

// endLXD asks the LXD inside to end. pid is its pid there.
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

// ReplaceLXD calls end to end the LXD inside the level, and waits until the one that init starts
// next answers, which becomes the level's. end gets the pid of the LXD inside the level, and
// returns the pid of the last LXD that it ended.
func (l *Level) ReplaceLXD(ctx context.Context, end func(old int) (last int, err error)) error {
	server, err := l.root.Restart(ctx, l.server, nil, end)
	if err != nil {
		return err
	}
	l.server = server
	return nil
}

// RestartLXD restarts the LXD of the host (level 0) or of a level. LXD needs that to read changed
// subid files.
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

// Attach returns the levels that are up of a chain on another process's host, level 1 first.
// Release them with Detach.
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

// Detach releases attached levels, which keep running.
func Detach(levels []*Level) {
	for _, l := range levels {
		l.Release()
	}
}
