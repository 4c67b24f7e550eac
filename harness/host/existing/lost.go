package existing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nestbed/harness/reach"
)

// lostAfter is how long data may stay unacknowledged before the connection counts as lost. By
// default the kernel waits a quarter of an hour (man 7 tcp, TCP_USER_TIMEOUT).
const lostAfter = 45 * time.Second

// A LostError reports that a connection to an LXD on another machine ended without being closed.
type LostError struct {
	Address string
	Err     error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the connection to the LXD at %s was lost: %v", e.Address, e.Err)
}
func (e *LostError) Unwrap() error { return e.Err }

// losses records the last lost connection, because the LXD client rewrites or swallows the error.
type losses struct {
	address   string
	connected atomic.Bool // whether a connection was ever made

	mu   sync.Mutex
	last *LostError
	at   time.Time
}

// since returns the last loss, unless it happened before then. It accepts nil, because no
// connection on this machine is lost.
func (l *losses) since(then time.Time) error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == nil || l.at.Before(then) {
		return nil
	}
	return l.last
}

func (l *losses) note(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.last, l.at = &LostError{l.address, err}, time.Now()
	return l.last
}

// watch returns a Dialer whose connections record their loss.
func (l *losses) watch(dial reach.Dialer) reach.Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		switch {
		case err == nil:
			l.connected.Store(true)
			return &watchedConn{conn, l}, nil
		case ctx.Err() == nil && l.connected.Load():
			return nil, l.note(err)
		}
		return nil, err // without an earlier connection there is nothing to lose
	}
}

// watchedConn is a TLS connection that records its loss. If the other end closes it, TLS announces
// that (RFC 8446, 6.1), so a loss can be distinguished.
type watchedConn struct {
	net.Conn
	losses *losses
}

func (w *watchedConn) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	return n, w.record(err)
}

func (w *watchedConn) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	return n, w.record(err)
}

func (w *watchedConn) record(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return w.losses.note(err)
}

// networkDialer returns a net.Dialer whose connections fail if nothing is acknowledged for
// lostAfter, even if there was nothing to send.
func networkDialer() *net.Dialer {
	return &net.Dialer{
		KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: lostAfter / 3, Interval: lostAfter / 9, Count: 6},
		Control: func(_, _ string, c syscall.RawConn) (err error) {
			outer := c.Control(func(fd uintptr) {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(lostAfter.Milliseconds()))
			})
			return errors.Join(outer, err)
		},
	}
}

// Lost returns how a connection to the LXD on another machine was lost after since, and nil if
// none was lost.
func (h *Host) Lost(since time.Time) error {
	return h.daemon.losses.since(since)
}
