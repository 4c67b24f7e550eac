package reach

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
)

// client is LXD's client with a Disconnect that closes connections. LXD's own does nothing unless
// the client was disconnected before (client/lxd.go, Disconnect). The websockets of a program that
// nobody waits for any more would stay open as long as the program runs.
type client struct {
	lxd.InstanceServer
	budget time.Duration // of one request

	mu    sync.Mutex
	ended bool
	open  map[net.Conn]bool
}

// closable returns server as a client that can close its connections. server must use the given
// HTTP client, whose dialer is replaced.
func closable(server lxd.InstanceServer, of *http.Client) *client {
	c := &client{InstanceServer: server, budget: of.Timeout, open: map[net.Conn]bool{}}
	if transport, ok := of.Transport.(*http.Transport); ok {
		dial := transport.DialContext
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return c.track(conn)
		}
	}
	return c
}

func (c *client) track(conn net.Conn) (net.Conn, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	k := &connection{Conn: conn, by: c}
	c.open[k] = true
	return k, nil
}

// GetServer is LXD's GetServer, but does not store the answer in the client, where all other calls
// read it without a lock (client/lxd_server.go). The answer that the client got when it was made
// holds for as long as its LXD runs.
func (c *client) GetServer() (*api.Server, string, error) {
	answer, etag, err := c.RawQuery("GET", "/1.0", nil, "")
	if err != nil {
		return nil, "", err
	}
	server := &api.Server{}
	if err := answer.MetadataAsStruct(server); err != nil {
		return nil, "", err
	}
	return server, etag, nil
}

// Disconnect closes every connection. Calls that wait on one fail.
func (c *client) Disconnect() {
	c.mu.Lock()
	open := c.open
	c.ended, c.open = true, nil
	c.mu.Unlock()
	for conn := range open {
		_ = conn.Close()
	}
}

// connection is a connection that its client knows until it is closed.
type connection struct {
	net.Conn
	by *client
}

func (k *connection) Close() error {
	k.by.mu.Lock()
	delete(k.by.open, k)
	k.by.mu.Unlock()
	return k.Conn.Close()
}

// SetDeadline gives the handshake of a websocket as long as any other request. Nothing else calls
// it. LXD's client allows 5 s (client/lxd.go, rawWebsocket), in which a slow LXD may not answer.
func (k *connection) SetDeadline(at time.Time) error {
	if !at.IsZero() {
		at = time.Now().Add(k.by.budget)
	}
	return k.Conn.SetDeadline(at)
}
