// Package life does to a level what the LXD above it can do to any container, such as stop, freeze, snapshot and copy, and
// finds out what it kept and what it left behind.
package life

import (
	"context"
	"fmt"
	"time"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
)

// StopBudget is how long a level is given to end by itself: seconds are the unit
// in which LXD counts it. busybox's init takes 2 of them, a second before it
// kills what did not end and one before it is gone (busybox: init/init.c).
const StopBudget = 60 * time.Second

// Stop has the LXD above ask the level's init to end, and waits until it has; an
// init that is still there after patience is left running, which is an error.
// LXD knows 0 seconds as an order to end it by force: patience is at least one.
func Stop(ctx context.Context, l *harness.Level, patience time.Duration) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "stop", Timeout: max(1, int(patience/time.Second))})
}

// Kill has the LXD above end the level by force: the kernel kills its init, and everything inside with it.
func Kill(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "stop", Timeout: -1, Force: true})
}

// Start has the LXD above start the level again. The LXD inside may take longer: see Chain.Reattach.
func Start(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "start", Timeout: -1})
}

// Restart is Stop with StopBudget, or Kill, and Start in one request.
func Restart(ctx context.Context, l *harness.Level, force bool) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "restart", Timeout: int(StopBudget / time.Second), Force: force})
}

// Freeze has the kernel stop every process of the level, and of those inside it, where it stands; Thaw ends that.
func Freeze(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "freeze", Timeout: -1})
}

// Thaw lets the processes of a frozen level go on.
func Thaw(ctx context.Context, l *harness.Level) error {
	return harness.ChangeState(ctx, l, api.InstanceStatePut{Action: "unfreeze", Timeout: -1})
}

// Status is what the LXD above a level, up or not, calls its state: Running, Stopped, Frozen.
// A LXD that answers again, as Reattach waits for, has started what it starts by itself.
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

// ShutDownLXD has the LXD inside the level stop its containers and end, as
// `lxd shutdown` does where a machine goes down, and returns when the one that
// the level's init starts in its place answers.
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

// WhileStopped stops the level, with all that is in it, has do done to it, and
// starts it again. Reattach to the levels afterwards.
func WhileStopped(ctx context.Context, l *harness.Level, do func() error) error {
	if err := Kill(ctx, l); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	return Start(ctx, l)
}
