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

// execConn is standard input and output of a program that an LXD runs, as one connection, through
// the websockets of its operation. LXD's client is not used, because it cuts the input into pieces
// of 4 kB (github.com/gorilla/websocket, defaultWriteBufferSize), and every level on the way
// handles each piece separately.
type execConn struct {
	all         []*websocket.Conn
	in, out     io.ReadWriteCloser
	stderr      outputHead
	others      sync.WaitGroup // the readers of all websockets but the output
	closed      sync.Once
	closedError error
}

// pieceSize is the size of a write to the input: the largest piece of a relay's stream, with room
// for its header.
const pieceSize = 132 << 10

// The websockets of a program that is not interactive have these names in its operation (LXD:
// lxd/instance_exec.go).
const (
	stdinName  = "0"
	stdoutName = "1"
	stderrName = "2"
)

// dialExec connects to the websockets of a program. LXD starts the program when all are connected.
func dialExec(ctx context.Context, at *Root, op *api.Operation) (c *execConn, err error) {
	secrets, ok := op.Metadata["fds"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("operation %s: LXD returned no websockets for the program", op.ID)
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
			return c, fmt.Errorf("operation %s: LXD returned no websocket %s for the program", op.ID, name)
		}
		address := "ws://unix.socket/1.0/operations/" + url.PathEscape(op.ID) + "/websocket?" + at.query(url.Values{"secret": {secret}})
		conn, answer, err := dialer.DialContext(ctx, address, nil)
		if err != nil {
			if answer != nil {
				text, _ := io.ReadAll(io.LimitReader(answer.Body, outputHeadSize))
				err = fmt.Errorf("%w: %s", err, bytes.TrimSpace(text))
			}
			return c, err
		}
		byName[name], c.all = conn, append(c.all, conn)
	}
	c.in, c.out = ws.NewWrapper(byName[stdinName]), ws.NewWrapper(byName[stdoutName])
	for _, conn := range []*websocket.Conn{byName[api.SecretNameControl], byName[stdinName]} {
		c.others.Go(func() { _, _, _ = conn.ReadMessage() }) // reading answers LXD's pings
	}
	c.others.Go(func() { _, _ = io.Copy(&c.stderr, ws.NewWrapper(byName[stderrName])) })
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

// outputHead holds the beginning of what a program wrote to standard error.
type outputHead struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// outputHeadSize bounds it to a line or two.
const outputHeadSize = 1 << 10

func (h *outputHead) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if room := outputHeadSize - h.text.Len(); room > 0 {
		h.text.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (h *outputHead) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}
