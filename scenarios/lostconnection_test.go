package scenarios_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
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

// A proxy is a TCP proxy from this machine to the https port of an LXD server in another network
// namespace. Its connections can be cut. Each connection has its own nc process in that namespace.
type proxy struct {
	network, to string
	listener    net.Listener
	all         sync.WaitGroup

	mu      sync.Mutex
	seen    int // writes of answers so far
	cutAt   int // the write at which all connections are cut; 0: never
	refused int // new connections to close at once after the cut
	open    map[net.Conn]context.CancelFunc
}

// newProxy starts a proxy to the LXD at an address in the network namespace of a process.
func newProxy(t *testing.T, network, to string) *proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	p := &proxy{network: network, to: to, listener: listener, open: map[net.Conn]context.CancelFunc{}}
	p.all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.all.Go(func() { p.carry(conn) })
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		p.mu.Lock()
		p.cut()
		p.mu.Unlock()
		p.all.Wait()
	})
	return p
}

// carry copies bytes in both directions until one side ends or the proxy is cut.
func (p *proxy) carry(conn net.Conn) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	p.mu.Lock()
	p.open[conn] = cancel
	if p.isCut() && p.refused > 0 {
		p.refused--
		p.lose(conn)
	}
	p.mu.Unlock()
	cmd := networkCommand(ctx, p.network, "busybox", "nc", p.to, keyring.DefaultPort)
	stdin, err := cmd.StdinPipe()
	if err == nil {
		cmd.Stdout = answers{conn, p}
		err = cmd.Start()
	}
	if err == nil {
		go func() { // ends with the connection
			_, _ = io.Copy(stdin, conn)
			_ = stdin.Close()
		}()
		_ = cmd.Wait()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, conn)
	_ = conn.Close()
}

// answers passes on the answers of LXD, counts the writes, and cuts the proxy at cutAt.
type answers struct {
	to net.Conn
	of *proxy
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
func (p *proxy) cut() {
	for conn := range p.open {
		p.lose(conn)
	}
}

// lose resets a connection, without an orderly shutdown.
func (p *proxy) lose(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
	p.open[conn]()
}

func (p *proxy) isCut() bool { return p.cutAt > 0 && p.seen >= p.cutAt }

// address returns the address of LXD through the proxy.
func (p *proxy) address() string { return "https://" + p.listener.Addr().String() }

// arm cuts the proxy at the nth write of an answer from now on, and then resets the given number
// of new connections. If n is 0, it cuts nothing.
func (p *proxy) arm(n, refused int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.cutAt, p.refused = 0, n, refused
}

// trustThrough makes this process and an LXD server trust each other, through the proxy.
func trustThrough(t *testing.T, server lxd.InstanceServer, p *proxy) existing.LXD {
	t.Helper()
	dir := t.TempDir()
	k, err := keyring.Open(dir)
	require.NoError(t, err)
	token, err := shared.CertificateTokenDecode(newToken(t, server))
	require.NoError(t, err)
	token.Addresses = []string{p.listener.Addr().String()}
	text, err := json.Marshal(token)
	require.NoError(t, err)
	address, err := k.Trust(harnesstest.Context(t), base64.StdEncoding.EncodeToString(text))
	require.NoError(t, err)
	require.Equal(t, p.address(), address)
	return existing.LXD{Address: address, Keyring: dir}
}

// buildThrough builds a chain of two levels through the proxy and removes it. It returns where the
// build stopped, "none", or "before level 1".
func buildThrough(t *testing.T, target existing.LXD, b *bundle.Bundle, hooks ...harness.Hook) string {
	t.Helper()
	h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: target})
	if err == nil {
		var chain *harness.Chain
		spec := harness.Cascade(2)
		spec.Hooks = hooks
		chain, err = harness.Build(harnesstest.Context(t), h, spec)
		require.NoError(t, h.Close(harnesstest.Context(t)), "Close retries what a lost connection interrupted")
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
	require.ErrorContains(t, err, "LXD at "+target.Address)
	return "before level 1"
}

// losses is the number of chains that lose their connections, each at a later write.
var losses = flag.Int("losses", 5, "number of chains that lose their connections in TestALostConnectionLeavesNothing")

func TestALostConnectionLeavesNothing(t *testing.T) {
	if !inNewProcess(t, 1) {
		return
	}
	_, err := exec.LookPath("busybox")
	harnesstest.SkipIfMissing(t, err)
	remote := newRemoteLXD(t)
	p := newProxy(t, remote.client, addressThere)
	target := trustThrough(t, remote.machine.LXD(), p)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	before := serverState(t, remote.machine.LXD())
	p.arm(0, 0)
	require.Equal(t, "none", buildThrough(t, target, b))
	all := p.count()
	lose := func(when string, hooks ...harness.Hook) string {
		how := buildThrough(t, target, b, hooks...)
		t.Logf("lost at %s: stopped at: %s", when, how)
		require.Equal(t, before, serverState(t, remote.machine.LXD()), "something is left after the connection was lost at %s", when)
		return how
	}
	for i := range *losses {
		n := 1 + i*all / *losses
		p.arm(n, i%2*5)
		lose(fmt.Sprintf("write %d of %d", n, all))
	}
	// A connection that is made again at once hides a loss, so LXD cannot be reached until the
	// operation has ended.
	for _, at := range []idmap.Stop{
		{Level: 1, Op: idmap.OpCreate}, {Level: 1, Op: idmap.OpStart}, {Level: 2, Op: idmap.OpCreate}, {Level: 2, Op: idmap.OpStart},
	} {
		at.Reason = idmap.ConnectionLost
		p.arm(0, 0)
		how := lose(fmt.Sprintf("level %d, %s", at.Level, at.Op), harness.Hook{Level: at.Level, Op: at.Op, Name: "lose the connection", Before: func(context.Context, *harness.Chain, *harness.Level) (func() error, error) {
			p.arm(1, math.MaxInt)
			return func() error { p.arm(0, 0); return nil }, nil
		}})
		assert.Equal(t, fmt.Sprint(&at), how)
	}
}

// count returns the number of writes since arm.
func (p *proxy) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}
