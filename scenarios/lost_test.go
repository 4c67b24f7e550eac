package scenarios_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os/exec"
	"sync"
	"testing"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/existing"
	"nestbed/harness/idmap"
	"nestbed/harness/keyring"
)

// A line is a TCP proxy from this machine to the https port of an LXD server in another network
// namespace. Its connections can be cut. Each connection has its own nc process in that namespace.
type line struct {
	network, to string
	listener    net.Listener
	all         sync.WaitGroup

	mu      sync.Mutex
	seen    int // writes of answers so far
	cutAt   int // the write at which all connections are cut; 0: never
	refused int // new connections to close at once after the cut
	open    map[net.Conn]context.CancelFunc
}

// newLine starts a line to the LXD at an address in the network namespace of a process.
func newLine(t *testing.T, network, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	l := &line{network: network, to: to, listener: listener, open: map[net.Conn]context.CancelFunc{}}
	l.all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			l.all.Go(func() { l.carry(conn) })
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		l.mu.Lock()
		l.cut()
		l.mu.Unlock()
		l.all.Wait()
	})
	return l
}

// carry copies bytes in both directions until one side ends or the line is cut.
func (l *line) carry(conn net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	l.mu.Lock()
	l.open[conn] = cancel
	if l.isCut() && l.refused > 0 {
		l.refused--
		l.lose(conn)
	}
	l.mu.Unlock()
	cmd := networkCommand(ctx, l.network, "busybox", "nc", l.to, keyring.DefaultPort)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		cmd.Stdout = answers{conn, l}
		err = cmd.Start()
	}
	if err == nil {
		go func() { // ends with the connection
			_, _ = io.Copy(stdin, conn)
			_ = stdin.Close()
		}()
		_ = cmd.Wait()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, conn)
	_ = conn.Close()
}

// answers passes on the answers of LXD, counts the writes, and cuts the line at cutAt.
type answers struct {
	to net.Conn
	of *line
}

func (a answers) Write(p []byte) (int, error) {
	a.of.mu.Lock()
	if a.of.seen++; a.of.seen == a.of.cutAt {
		a.of.cut()
	}
	a.of.mu.Unlock()
	return a.to.Write(p)
}

// cut cuts all connections.
func (l *line) cut() {
	for conn := range l.open {
		l.lose(conn)
	}
}

// lose resets a connection, without an orderly shutdown.
func (l *line) lose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	l.open[conn]()
}

func (l *line) isCut() bool { return l.cutAt > 0 && l.seen >= l.cutAt }

// address returns the address of LXD through the line.
func (l *line) address() string { return "https://" + l.listener.Addr().String() }

// arm cuts the line at the nth write of an answer from now on, and then resets the given number of
// new connections. If n is 0, it cuts nothing.
func (l *line) arm(n, refused int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen, l.cutAt, l.refused = 0, n, refused
}

// trustOver makes this process and an LXD server trust each other, through the line.
func trustOver(t *testing.T, server lxd.InstanceServer, l *line) existing.LXD {
	t.Helper()
	dir := t.TempDir()
	k, err := keyring.Open(dir)
	require.NoError(t, err)
	token, err := shared.CertificateTokenDecode(newToken(t, server))
	require.NoError(t, err)
	token.Addresses = []string{l.listener.Addr().String()}
	text, err := json.Marshal(token)
	require.NoError(t, err)
	address, err := k.Trust(harnesstest.Context(t), base64.StdEncoding.EncodeToString(text))
	require.NoError(t, err)
	require.Equal(t, l.address(), address)
	return existing.LXD{Address: address, Keyring: dir}
}

// overLine builds a chain of two levels through the line and removes it. It returns where the
// build stopped, "none", or "before level 1".
func overLine(t *testing.T, l existing.LXD, b *bundle.Bundle) string {
	t.Helper()
	h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: l})
	if err == nil {
		var chain *harness.Chain
		chain, err = harness.Build(harnesstest.Context(t), h, harness.Cascade(2))
		require.NoError(t, h.Close(harnesstest.Context(t)), "what was lost is made up for")
		require.NoError(t, chain.Close(harnesstest.Context(t)))
	}
	var stopped *harness.LevelError
	var lost *existing.LostError
	switch {
	case err == nil:
		return "none"
	case errors.As(err, &stopped):
		require.Equal(t, idmap.ConnectionLost, stopped.Reason, "%v", err)
		require.ErrorAs(t, err, &lost)
		return fmt.Sprint(&stopped.Stop)
	}
	require.ErrorContains(t, err, "LXD at "+l.Address)
	return "before level 1"
}

// losses is the number of chains that lose their connections, each at a later write.
var losses = flag.Int("losses", 5, "how many chains lose their connections in TestAConnectionThatIsLostLeavesNothing")

func TestAConnectionThatIsLostLeavesNothing(t *testing.T) {
	if !apart(t, 1) {
		return
	}
	_, err := exec.LookPath("busybox")
	harnesstest.SkipIfMissing(t, err)
	e := newElsewhereLXD(t)
	l := newLine(t, e.here, addressThere)
	over := trustOver(t, e.machine.LXD(), l)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	before := allOf(t, e.machine.LXD())
	l.arm(0, 0)
	require.Equal(t, "none", overLine(t, over, b))
	all := l.count()
	stops := map[string]int{}
	for i := range *losses {
		n := 1 + i*all / *losses
		l.arm(n, i%2*5)
		how := overLine(t, over, b)
		t.Logf("lost with piece %d of %d: stopped at: %s", n, all, how)
		stops[how]++
		require.Equal(t, before, allOf(t, e.machine.LXD()), "lost with piece %d of %d, and something is left", n, all)
	}
	assert.Greater(t, len(stops), 2, "they are lost in several operations")
}

// count returns the number of writes since arm.
func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}
