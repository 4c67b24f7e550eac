package harness

import (
	"context"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/internal/lxdop"
)

// StopBudget is how long a level is given to end by itself: seconds are the unit
// in which LXD counts it. busybox's init takes 2 of them, a second before it
// kills what did not end and one before it is gone (busybox: init/init.c).
const StopBudget = 60 * time.Second

// Stop has the LXD above ask the level's init to end, and waits until it has; an
// init that is still there after patience is left running, which is an error.
// LXD knows 0 seconds as an order to end it by force: patience is at least one.
func (l *Level) Stop(ctx context.Context, patience time.Duration) error {
	return l.change(ctx, api.InstanceStatePut{Action: "stop", Timeout: max(1, int(patience/time.Second))})
}

// Kill has the LXD above end the level by force: the kernel kills its init, and everything inside with it.
func (l *Level) Kill(ctx context.Context) error {
	return l.change(ctx, api.InstanceStatePut{Action: "stop", Timeout: -1, Force: true})
}

// Start has the LXD above start the level again. The LXD inside may take longer: see Chain.Reattach.
func (l *Level) Start(ctx context.Context) error {
	return l.change(ctx, api.InstanceStatePut{Action: "start", Timeout: -1})
}

// Restart is Stop with StopBudget, or Kill, and Start in one request.
func (l *Level) Restart(ctx context.Context, force bool) error {
	return l.change(ctx, api.InstanceStatePut{Action: "restart", Timeout: int(StopBudget / time.Second), Force: force})
}

// Freeze has the kernel stop every process of the level, and of those inside it, where it stands; Thaw ends that.
func (l *Level) Freeze(ctx context.Context) error {
	return l.change(ctx, api.InstanceStatePut{Action: "freeze", Timeout: -1})
}

// Thaw lets the processes of a frozen level go on.
func (l *Level) Thaw(ctx context.Context) error {
	return l.change(ctx, api.InstanceStatePut{Action: "unfreeze", Timeout: -1})
}

// change asks the LXD above for another state of the level, and waits for it.
func (l *Level) change(ctx context.Context, state api.InstanceStatePut) error {
	if l.root != nil && (state.Action == "stop" || state.Action == "restart") {
		l.root.Rest() // so that the LXD inside has nothing of ours to wait for
	}
	op, err := l.above.LXD().UpdateInstanceState(l.Name, state, "")
	return l.finish(ctx, state.Action, op, err)
}

// finish waits for an operation of the LXD above that was asked for, if err does not say that it was refused.
func (l *Level) finish(ctx context.Context, what string, op lxd.Operation, err error) error {
	if _, err = lxdop.Await(ctx, l.above.LXD(), op, err); err != nil {
		return fmt.Errorf("level %d: %s: %w", l.Index, what, err)
	}
	return nil
}

// Status is what the LXD above a level, up or not, calls its state: Running, Stopped, Frozen.
// A LXD that answers again, as Reattach waits for, has started what it starts by itself.
func (c *Chain) Status(level int) (string, error) {
	above, err := c.daemon(level - 1)
	if err != nil {
		return "", err
	}
	state, _, err := above.LXD().GetInstanceState(containerName(level))
	if err != nil {
		return "", fmt.Errorf("level %d: %w", level, err)
	}
	return state.Status, nil
}

// ShutDownLXD has the LXD inside the level stop its containers and end, as
// `lxd shutdown` does where a machine goes down, and returns when the one that
// the level's init starts in its place answers.
func (l *Level) ShutDownLXD(ctx context.Context) error {
	server, err := l.root.Restart(ctx, l.server, nil, func(old int) (int, error) {
		_, _, err := l.server.RawQuery("PUT", "/internal/shutdown", nil, "")
		return old, err
	})
	if err != nil {
		return fmt.Errorf("level %d: shut LXD down: %w", l.Index, err)
	}
	l.server = server
	return nil
}
