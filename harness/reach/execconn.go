package reach

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"

	"github.com/canonical/lxd/shared/api"
	"github.com/canonical/lxd/shared/ws"
	"github.com/gorilla/websocket"
)

// execConn is standard input and output of a program that an LXD runs, as one connection, by the websockets of its operation. They are
// dialed here, and not by LXD's client, for the size of what goes inwards: that client cuts it into pieces of 4 kB
// (github.com/gorilla/websocket, defaultWriteBufferSize), and every level on the way handles each by itself.
type execConn struct {
	all         []*websocket.Conn
	in, out     io.ReadWriteCloser
	said        said
	others      sync.WaitGroup // who listens to what is not the output
	closed      sync.Once
	closedError error
}

// pieceSize is how many bytes go inwards at a time: what a stream of a relay writes at once, with room for its head.
const pieceSize = 132 << 10

// The websockets of a program that is not interactive, by their names in its operation (LXD: lxd/instance_exec.go).
const (
	stdinName  = "0"
	stdoutName = "1"
	stderrName = "2"
)

// dialExec connects to a program that waits for it.
func dialExec(ctx context.Context, at *Root, op *api.Operation) (c *execConn, err error) {
	secrets, ok := op.Metadata["fds"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("operation %s: LXD told no websockets of the program", op.ID)
	}
	c = &execConn{}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	dialer := websocket.Dialer{
		NetDialContext:  func(ctx context.Context, _, _ string) (net.Conn, error) { return at.dialLXD(ctx) },
		WriteBufferSize: pieceSize, ReadBufferSize: pieceSize,
	}
	byName := map[string]*websocket.Conn{}
	for _, name := range []string{api.SecretNameControl, stdinName, stdoutName, stderrName} {
		secret, ok := secrets[name].(string)
		if !ok {
			return c, fmt.Errorf("operation %s: LXD told no websocket %s of the program", op.ID, name)
		}
		address := "ws://unix.socket/1.0/operations/" + url.PathEscape(op.ID) + "/websocket?" + at.query(url.Values{"secret": {secret}})
		conn, answer, err := dialer.DialContext(ctx, address, nil)
		if err != nil {
			if answer != nil {
				text, _ := io.ReadAll(io.LimitReader(answer.Body, saidLength))
				err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(text))
			}
			return c, err
		}
		byName[name], c.all = conn, append(c.all, conn)
	}
	c.in, c.out = ws.NewWrapper(byName[stdinName]), ws.NewWrapper(byName[stdoutName])
	for _, conn := range []*websocket.Conn{byName[api.SecretNameControl], byName[stdinName]} {
		c.others.Go(func() { _, _, _ = conn.ReadMessage() }) // LXD's pings are answered by who reads
	}
	c.others.Go(func() { _, _ = io.Copy(&c.said, ws.NewWrapper(byName[stderrName])) })
	return c, nil
}

func (c *execConn) Read(p []byte) (int, error)  { return c.out.Read(p) }
func (c *execConn) Write(p []byte) (int, error) { return c.in.Write(p) }

// Close ends the program's input, and with it the program.
func (c *execConn) Close() error {
	c.closed.Do(func() {
		for _, conn := range c.all {
			c.closedError = errors.Join(c.closedError, conn.Close())
		}
		c.others.Wait()
	})
	return c.closedError
}

// said keeps the beginning of what a program wrote to standard error.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// saidLength is how much of it: a line or two.
const saidLength = 1 << 10

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if room := saidLength - s.text.Len(); room > 0 {
		s.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}
