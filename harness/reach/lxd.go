package reach

import (
	"context"
	"net"
	"net/http"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/bundle"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/wait"
)

// Connect waits until the LXD of this root is ready, and returns a client of it. died may be nil;
// otherwise its first error ends the wait early.
func (r *Root) Connect(ctx context.Context, died func() error) (lxd.InstanceServer, error) {
	server, err := r.Reach(ctx, died)
	if err != nil {
		return nil, err
	}
	if err := Ready(ctx, server, died); err != nil {
		server.Disconnect()
		return nil, err
	}
	return server, nil
}

// Reach is Connect, but waits only until LXD answers. Such an LXD accepts images, for example, and
// delays requests that need more (LXD: lxd/daemon.go, setupChan and waitReady).
func (r *Root) Reach(ctx context.Context, died func() error) (server lxd.InstanceServer, err error) {
	err = wait.For(ctx, "wait for LXD to answer", readyBudget, unlessDied(died, func(context.Context) (err error) {
		server, err = r.Client(context.WithoutCancel(ctx)) // it outlives the wait's context
		return err
	}))
	return server, err
}

// Ask returns a client of the LXD of this root that waits only briefly: its requests end early if
// LXD does not answer. The client ends with ctx. Ask does not wait for LXD to start.
func (r *Root) Ask(ctx context.Context) (lxd.InstanceServer, error) {
	return r.Client(Impatient(ctx))
}

// Impatient returns a context in which clients give up a request after askBudget.
func Impatient(ctx context.Context) context.Context {
	return wait.WithPatience(ctx, askBudget.Seconds()/requestBudget.Seconds())
}

// Client connects to the LXD of this root. Its first request asks for LXD's extensions.
func (r *Root) Client(ctx context.Context) (lxd.InstanceServer, error) {
	args := clientArgs(ctx)
	args.SkipGetServer = true // until it has the dialer
	server, err := lxd.ConnectLXDUnixWithContext(ctx, Socket, args)
	if err != nil {
		return nil, err
	}
	if transport, ok := args.HTTPClient.Transport.(*http.Transport); ok {
		transport.WriteBufferSize = writeSize
		transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) { return r.dialLXD(ctx) }
	}
	if _, _, err = server.GetServer(); err != nil {
		return nil, err
	}
	if r.project != "" {
		server = server.UseProject(r.project)
	}
	return closable(server, args.HTTPClient), nil
}

// dialLXD connects to the LXD of this root.
func (r *Root) dialLXD(ctx context.Context) (net.Conn, error) {
	if r.dialer != nil {
		return r.dialer(ctx)
	}
	return r.dial(ctx, Socket)
}

// Ready waits until an LXD is ready: it has started the containers that it starts on its own.
func Ready(ctx context.Context, server lxd.InstanceServer, died func() error) error {
	return wait.For(ctx, "wait for LXD to be ready", readyBudget, unlessDied(died, func(ctx context.Context) error {
		// `lxd waitready` polls the same path, because LXD sends no event when it is ready.
		_, _, err := lxdop.With(ctx, server).RawQuery("GET", "/internal/ready", nil, "")
		return err
	}))
}

// unlessDied returns try with a check before it: an error of died ends the wait.
func unlessDied(died func() error, try func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		if died != nil {
			if err := died(); err != nil {
				return wait.Final(err)
			}
		}
		return try(ctx)
	}
}

// SinceLXDStarted returns how long ago the LXD of this root was started.
func (r *Root) SinceLXDStarted(ctx context.Context) (time.Duration, error) {
	made, err := r.Look(ctx, bundle.StartedFile)
	if err != nil {
		return 0, err
	}
	return time.Since(time.Unix(made.Seconds, made.Nanoseconds)), nil
}
