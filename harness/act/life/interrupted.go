package life

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/wait"
)

// untilStopped calls ask, which makes LXD ask the level's init to shut down. If a signal ended
// LXD's wait before patience was over, untilStopped waits for the rest of the time, and calls then
// until LXD is no longer busy.
func untilStopped(ctx context.Context, l *harness.Level, patience time.Duration, ask, then func() error) error {
	began := time.Now()
	failure := ask()
	left := patience - time.Since(began)
	if !interrupted(failure, left) {
		return failure
	}
	return wait.For(ctx, fmt.Sprintf("wait for level %d to stop", l.Index), left, func(ctx context.Context) error {
		state, _, err := lxdop.With(ctx, l.Above().LXD()).GetInstanceState(l.Name)
		if err != nil {
			return err
		}
		if state.StatusCode != api.Stopped {
			return fmt.Errorf("it is %s: %w", state.Status, failure)
		}
		// LXD may still be cleaning up after the level.
		if err = then(); err == nil || strings.Contains(err.Error(), "Instance is busy running") {
			return err
		}
		return wait.Final(err)
	})
}

// interrupted reports whether a signal ended LXD's wait for an init, with so much of the time left.
// liblxc waits with poll, and takes its EINTR for a failure (liblxc: src/lxc/lxccontainer.c,
// do_lxcapi_shutdown). LXD, being a Go program, gets a signal whenever a child of it ends.
func interrupted(err error, left time.Duration) bool {
	return err != nil && left > 0 && strings.Contains(err.Error(), "shutting down the container failed")
}
