package reach

import (
	"context"
	"fmt"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/internal/lxdop"
	"nestbed/harness/wait"
)

// Next waits until an LXD other than the one with pid old answers, and returns its pid. Both are
// pids inside this root. The LXD may not be ready yet.
func (r *Root) Next(ctx context.Context, old int) (next int, err error) {
	err = wait.For(ctx, "wait for the next LXD to answer", readyBudget, func(ctx context.Context) error {
		server, err := r.Client(ctx)
		if err != nil {
			return err
		}
		defer server.Disconnect()
		next, err = otherThan(ctx, old, server)
		return err
	})
	return next, err
}

// otherThan returns the pid of the LXD that answers. It fails if that is the old one.
func otherThan(ctx context.Context, old int, server lxd.InstanceServer) (int, error) {
	now, _, err := lxdop.With(ctx, server).GetServer()
	if err == nil && now.Environment.ServerPid == old {
		err = fmt.Errorf("LXD with pid %d still answers", old)
	}
	if err != nil {
		return 0, err
	}
	return now.Environment.ServerPid, nil
}

// Restart calls end to end the LXD of this root, waits for its supervisor to start the next one,
// and returns a client of that. end gets the pid of LXD inside this root, and returns the pid of
// the last LXD that it ended. died is as in Connect; nil: as WatchRestarts.
func (r *Root) Restart(ctx context.Context, old lxd.InstanceServer, died func() error, end func(old int) (int, error)) (lxd.InstanceServer, error) {
	before, _, err := lxdop.With(ctx, old).GetServer()
	if err != nil {
		return nil, err
	}
	r.EndRelays()
	last, err := end(before.Environment.ServerPid)
	if err != nil {
		return nil, err
	}
	old.Disconnect()
	if died == nil {
		died = r.watchRestarts(ctx, 1)
	}
	var server lxd.InstanceServer
	err = wait.For(ctx, "wait for the next LXD", readyBudget, func(ctx context.Context) error {
		if server, err = r.Connect(ctx, died); err != nil {
			if died() != nil {
				err = wait.Final(err)
			}
			return err
		}
		_, err := otherThan(ctx, last, server)
		if err != nil {
			server.Disconnect()
		}
		return err
	})
	return server, err
}
