package network

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/host"
)

// The addresses of a server on the host. They are reserved for documentation (RFC 5737, RFC 3849),
// so no bridge has them.
var serverAddresses = map[Family]string{IPv4: "203.0.113.1/32", IPv6: "2001:db8::1/128"}

// A Server answers each connection with the address that it comes from, and, when the client has
// sent everything, with the number of bytes that arrived. Close it.
type Server struct {
	at       netip.AddrPort
	listener net.Listener
	served   sync.WaitGroup
}

// Serve starts a server in the host's network namespace. The host gets its address in addition to
// its own, and keeps it.
func Serve(ctx context.Context, h host.Host, f Family) (*Server, error) {
	address, err := netlink.ParseAddr(serverAddresses[f])
	if err != nil {
		return nil, err
	}
	if f == IPv6 {
		address.Flags = unix.IFA_F_NODAD // usable at once
	}
	err = inside(h, func(_ netns.NsHandle, handle *netlink.Handle) error {
		lo, err := handle.LinkByName("lo")
		if err != nil {
			return err
		}
		return handle.AddrReplace(lo, address)
	})
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", address, err)
	}
	at, _ := netip.AddrFromSlice(address.IP)
	return ServeAt(ctx, h, at.Unmap())
}

// ServeAt starts a server in the network namespace of d, which has the address.
func ServeAt(ctx context.Context, d harness.Daemon, at netip.Addr) (*Server, error) {
	s := &Server{}
	err := d.Root().InNetwork(func() (err error) {
		s.listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort(at.String(), "0"))
		return err
	})
	if err != nil {
		return nil, err
	}
	if s.at, err = netip.ParseAddrPort(s.listener.Addr().String()); err != nil {
		return nil, errors.Join(err, s.listener.Close())
	}
	s.served.Go(s.serve)
	return s, nil
}

// clientBudget limits how long a connection lasts: a level may do with it what it likes.
const clientBudget = 30 * time.Second

// serve answers until the server is closed.
func (s *Server) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.served.Go(func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(clientBudget)) // it only fails for closed connections
			from, err := netip.ParseAddrPort(c.RemoteAddr().String())
			if err != nil {
				return
			}
			// The client reports what it got.
			_, _ = fmt.Fprintln(c, from.Addr().Unmap())
			n, _ := io.Copy(io.Discard, c)
			_, _ = fmt.Fprintln(c, n)
		})
	}
}

// Close ends the server.
func (s *Server) Close() error {
	err := s.listener.Close()
	s.served.Wait()
	return err
}

// ErrNoAnswer is the error of a client that gets no answer.
var ErrNoAnswer = errors.New("no answer")

// An Answer is what the server saw of a client: its address, and how many bytes came from it.
type Answer struct {
	From  netip.Addr
	Bytes int64
}

// Ask makes root of the level connect to the server and send so many bytes. seconds is how long the
// client waits for the connection, and later for anything to arrive.
func (s *Server) Ask(ctx context.Context, l *harness.Level, seconds int, bytes int64) (a Answer, err error) {
	const client = `head -c "$0" /dev/zero | nc -w "$1" "$2" "$3"`
	out, err := l.Exec(ctx, "sh", "-c", client, fmt.Sprint(bytes), fmt.Sprint(seconds), s.at.Addr().String(), fmt.Sprint(s.at.Port()))
	if err != nil {
		return a, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	var from string
	if _, err = fmt.Sscanln(strings.ReplaceAll(out, "\n", " "), &from, &a.Bytes); err == nil {
		a.From, err = netip.ParseAddr(from)
	}
	if err != nil {
		return a, fmt.Errorf("level %d: the server said %q, expected an address and a number: %w", l.Index, out, err)
	}
	return a, nil
}
