package host

import (
	"context"
	"fmt"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/wait"
)

// Next waits until another LXD than the one with the given id, which is that inside this root, answers, and gives its own. It may
// not be ready yet.
func (r *Root) Next(ctx context.Context, old int) (next int, err error) {
	err = wait.For(ctx, "wait for the next LXD to answer", readyBudget, func(ctx context.Context) error {
		server, err := r.Client(ctx)
		if err != nil {
			return err
		}
		defer server.Disconnect()
		next, err = otherThan(old, server)
		return err
	})
	return next, err
}

// otherThan is the id of the LXD that answers, unless that is the old one.
func otherThan(old int, server lxd.InstanceServer) (int, error) {
	now, _, err := server.GetServer()
	if err == nil && now.Environment.ServerPid == old {
		err = fmt.Errorf("the one with pid %d still answers", old)
	}
	if err != nil {
		return 0, err
	}
	return now.Environment.ServerPid, nil
}

// Succeed has end end the LXD of this root, which somebody starts again, and gives a client of the next one. end
// is given its id, inside this root, and returns that of the last one that it has ended. died is that of Connect.
func (r *Root) Succeed(ctx context.Context, old lxd.InstanceServer, died func() error, end func(old int) (int, error)) (lxd.InstanceServer, error) {
	before, _, err := old.GetServer()
	if err != nil {
		return nil, err
	}
	r.Rest()
	last, err := end(before.Environment.ServerPid)
	if err != nil {
		return nil, err
	}
	old.Disconnect()
	var server lxd.InstanceServer
	err = wait.For(ctx, "wait for the next LXD", readyBudget, func(ctx context.Context) error {
		if server, err = r.Connect(ctx, died); err != nil {
			return err
		}
		_, err := otherThan(last, server)
		if err != nil {
			server.Disconnect()
		}
		return err
	})
	return server, err
}
