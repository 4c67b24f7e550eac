package lxdop

import (
	"context"

	lxd "github.com/canonical/lxd/client"
)

// With returns a client whose requests end with ctx, over the same connections. It keeps the
// project of server, but not the cluster target. LXD's client has one context for all requests,
// and its WithContext changes the client itself (client/lxd.go). With therefore makes a copy
// first, as UseTarget does.
func With(ctx context.Context, server lxd.InstanceServer) lxd.InstanceServer {
	own := server.UseTarget("")
	if c, able := own.(interface {
		WithContext(context.Context) lxd.InstanceServer
	}); able {
		return c.WithContext(ctx)
	}
	return own
}
