// Package life stops, freezes, snapshots and copies levels through the LXD above them, and checks
// what the levels kept and what they left behind.
package life

import (
	"context"
	"fmt"
	"time"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
)

// StopBudget is the time for a level to shut down; LXD counts it in whole seconds. busybox's init
// takes 2 seconds: one before it kills the remaining processes, and one before it exits (busybox:
// init/init.c).
const StopBudget = 60 * time.Second

// Stop asks the level's init to shut down, through the LXD above, and waits until it has. If the
// init is still running after patience, Stop returns an error and leaves it running. patience is
// at least one second, because LXD takes 0 as a request to kill the level.
func Stop(ctx context.Context, l *harness.Level, patience time.Duration) error {
	return untilStopped(ctx, l, patience, func() error {
		return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "stop", Timeout: max(1, int(patience/time.Second))})
	}, func() error { return nil })
}

// Kill kills the level through the LXD above: the kernel kills the init and everything inside with
// it.
func Kill(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "stop", Timeout: -1, Force: true})
}

// Start starts the level again. It does not wait for the LXD inside: see Chain.Reattach.
func Start(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "start", Timeout: -1})
}

// Restart is Stop with StopBudget (with force: Kill) and Start in one request.
func Restart(ctx context.Context, l *harness.Level, force bool) error {
	return untilStopped(ctx, l, StopBudget, func() error {
		return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "restart", Timeout: int(StopBudget / time.Second), Force: force})
	}, func() error { return Start(ctx, l) })
}

// Freeze freezes every process of the level and of the levels inside it, until Thaw.
func Freeze(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "freeze", Timeout: -1})
}

// Thaw resumes the processes of a frozen level.
func Thaw(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "unfreeze", Timeout: -1})
}

// Status returns the level's state from the LXD above: Running, Stopped or Frozen. The level need
// not be up. After Reattach, the LXD above has already started everything that it starts by
// itself.
func Status(ctx context.Context, c *harness.Chain, level int) (string, error) {
	above, err := c.Daemon(level - 1)
	if err != nil {
		return "", err
	}
	state, _, err := lxdop.With(ctx, above.LXD()).GetInstanceState(harness.ContainerName(level))
	if err != nil {
		return "", fmt.Errorf("level %d: %w", level, err)
	}
	return state.Status, nil
}

// ShutDownLXD makes the LXD inside the level stop its containers and exit, like `lxd shutdown`
// when a machine shuts down. It returns when the daemon that the level's init starts next answers.
func ShutDownLXD(ctx context.Context, l *harness.Level) error {
	err := l.ReplaceLXD(ctx, func(old int) (int, error) {
		_, _, err := lxdop.With(ctx, l.LXD()).RawQuery("PUT", "/internal/shutdown", nil, "")
		return old, err
	})
	if err != nil {
		return fmt.Errorf("level %d: shut LXD down: %w", l.Index, err)
	}
	return nil
}

// WhileStopped kills the level, calls do and starts the level again. Reattach to the levels
// afterwards.
func WhileStopped(ctx context.Context, l *harness.Level, do func() error) error {
	if err := Kill(ctx, l); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return Start(ctx, l)
}
