package lxdop

import (
	"context"

	lxd "github.com/canonical/lxd/client"
)

// With returns a client whose requests end with ctx, over the same connections. It keeps the project of server, and no cluster target.
// LXD's client has one context for all its requests, and its WithContext changes the client that it is called on (client/lxd.go): so
// this makes a copy first, as UseTarget does.
func With(ctx context.Context, server lxd.InstanceServer) lxd.InstanceServer {
	own := server.UseTarget("")
	if c, able := own.(interface {
		WithContext(context.Context) lxd.InstanceServer
	}); able {
		return c.WithContext(ctx)
	}
	return own
}
