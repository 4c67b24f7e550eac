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

// lostAfter is how long the other machine may leave unanswered what the kernel sends it before the connection counts as lost; the kernel's own
// patience is a quarter of an hour (man 7 tcp, TCP_USER_TIMEOUT).
const lostAfter = 45 * time.Second

// LostError reports that a connection to an LXD of another machine ended, though neither of its ends closed it.
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
	address string
	had     atomic.Bool // a connection, ever

	mu   sync.Mutex
	last *LostError
	at   time.Time
}

// since returns the last loss, unless it was before then. It is nil-safe, because on this machine no connection is lost.
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

// watch gives connections whose loss is noted.
func (l *losses) watch(dial reach.Dialer) reach.Dialer {
	return func(ctx context.Context) (net.Conn, error) {
		conn, err := dial(ctx)
		switch {
		case err == nil:
			l.had.Store(true)
			return &watched{conn, l}, nil
		case ctx.Err() == nil && l.had.Load():
			return nil, l.note(err)
		}
		return nil, err // nothing is lost that never was
	}
}

// watched is a connection of TLS, which tells a lost one from one that the other end has closed: before that it says so (RFC 8446, 6.1).
type watched struct {
	net.Conn
	losses *losses
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	return n, w.judge(err)
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Conn.Write(p)
	return n, w.judge(err)
}

func (w *watched) judge(err error) error {
	if err == nil || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return w.losses.note(err)
}

// overNetwork dials so that a connection on which nothing is answered is lost after lostAfter, whether anything was to be sent or not.
func overNetwork() *net.Dialer {
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

// Lost returns how a connection to the LXD, on another machine, was lost since then; nil if none was.
func (h *Host) Lost(since time.Time) error {
	return h.daemon.losses.since(since)
}
