package relay

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/hashicorp/yamux"
)

// ErrEnded means that the relay answers no more requests.
var ErrEnded = errors.New("the relay in the level has ended")

// A Client asks a relay. Several goroutines may use it.
type Client struct {
	// Budget bounds the answer to a request. It does not apply to the data to and from a socket.
	Budget time.Duration

	session *yamux.Session
}

// Connect waits for the greeting of the relay at the other end of conn. Closing the client closes
// conn; an error of Connect does, too.
func Connect(ctx context.Context, conn io.ReadWriteCloser, budget time.Duration) (*Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	in := bufio.NewReaderSize(conn, len(greeting()))
	said, err := firstLine(in)
	if !stop() {
		return nil, context.Cause(ctx)
	}
	if err == nil && said != greeting() {
		err = fmt.Errorf("%s: read %q, expected %q: it is from another build; run make build", Program, said, strings.TrimSpace(greeting()))
	}
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	session, err := yamux.Client(&frames{ReadWriteCloser: reader{in, conn}}, config())
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return &Client{Budget: budget, session: session}, nil
}

// reader is a connection whose first bytes are in a buffer already.
type reader struct {
	io.Reader
	io.WriteCloser
}

// firstLine reads a line that is no longer than a greeting.
func firstLine(in *bufio.Reader) (string, error) {
	line, err := in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return string(line), nil
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("%s: ended at its start: read %q", Program, line)
	}
	return string(line), err
}

// Ended returns a channel that is closed when the relay or the connection to it has ended.
func (c *Client) Ended() <-chan struct{} { return c.session.CloseChan() }

// Close ends the relay and everything that goes through it.
func (c *Client) Close() error { return c.session.Close() }

// ask opens a stream with a request and reads the answer, within the budget and ctx. On an error
// it closes the stream.
func (c *Client) ask(ctx context.Context, r Request) (*yamux.Stream, Answer, error) {
	var answer Answer
	if err := r.check(); err != nil {
		return nil, answer, err
	}
	stream, err := c.session.OpenStream()
	if err != nil {
		return nil, answer, c.explain(r, err)
	}
	_ = stream.SetDeadline(time.Now().Add(c.Budget)) // always nil
	stop := context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Now()) })
	if err = writeMessage(stream, r); err == nil {
		err = unexpectedEOF(readMessage(stream, &answer, maxAnswer))
	}
	switch {
	case !stop():
		err = context.Cause(ctx)
	case err != nil:
		err = c.explain(r, err)
	default:
		err = answer.err(r)
	}
	if err != nil {
		_ = stream.Close()
		return nil, answer, err
	}
	return stream, answer, nil
}

// explain adds to an error of yamux what it means.
func (c *Client) explain(r Request, err error) error {
	var why error
	switch {
	case c.session.IsClosed():
		why = ErrEnded
	case errors.Is(err, yamux.ErrTimeout):
		why = fmt.Errorf("no answer within %s; is the level frozen?", c.Budget)
	default:
		why = err
	}
	return fmt.Errorf("%s %s: %w", r.Op, r.Path, why)
}

// look asks about a file, and reads the content after the answer.
func (c *Client) look(ctx context.Context, r Request) (Answer, []byte, error) {
	stream, answer, err := c.ask(ctx, r)
	if err != nil {
		return answer, nil, err
	}
	defer stream.Close()
	if limit := max(r.Limit, maxXattr); answer.Size > limit { // the level may have replaced the relay
		return answer, nil, fmt.Errorf("%s %s: the answer has %d bytes, expected %d at most", r.Op, r.Path, answer.Size, limit)
	}
	var content bytes.Buffer // grows with the data, not to the size that the answer claims
	if _, err := io.CopyN(&content, stream, answer.Size); err != nil {
		return answer, nil, c.explain(r, unexpectedEOF(err))
	}
	return answer, content.Bytes(), nil
}

// ReadFile reads a regular file of the level. It fails if the file has more than limit bytes.
func (c *Client) ReadFile(ctx context.Context, path string, limit int64) ([]byte, error) {
	_, content, err := c.look(ctx, Request{Op: Read, Path: path, Limit: limit})
	return content, err
}

// Stat describes a file of the level.
func (c *Client) Stat(ctx context.Context, path string) (Info, error) {
	answer, _, err := c.look(ctx, Request{Op: Stat, Path: path})
	return answer.Info, err
}

// Readlink returns the target of a symlink in the level.
func (c *Client) Readlink(ctx context.Context, path string) (string, error) {
	answer, _, err := c.look(ctx, Request{Op: Readlink, Path: path})
	return answer.Text, err
}

// List returns the names in a directory of the level, sorted.
func (c *Client) List(ctx context.Context, path string) ([]string, error) {
	answer, _, err := c.look(ctx, Request{Op: List, Path: path})
	return answer.Names, err
}

// Xattr returns the value of an extended attribute, with ids as the level sees them, or ENODATA if
// there is none.
func (c *Client) Xattr(ctx context.Context, path, name string) ([]byte, error) {
	_, content, err := c.look(ctx, Request{Op: Xattr, Path: path, Name: name})
	return content, err
}

// Dial connects to a Unix socket of the level. The connection has CloseWrite. After that, the
// other side must finish within five minutes.
func (c *Client) Dial(ctx context.Context, socket string) (net.Conn, error) {
	stream, _, err := c.ask(ctx, Request{Op: Dial, Path: socket})
	if err != nil {
		return nil, err
	}
	return &conn{stream}, stream.SetDeadline(time.Time{})
}

// conn is a stream to a socket.
type conn struct{ *yamux.Stream }

// CloseWrite ends the written direction. The other one can still be read.
func (c *conn) CloseWrite() error { return c.Stream.Close() }

// Close ends both directions. A pending Read fails.
func (c *conn) Close() error {
	_ = c.SetReadDeadline(time.Now())
	return c.Stream.Close()
}
