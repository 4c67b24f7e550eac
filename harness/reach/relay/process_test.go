package relay

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nestbed/harness/internal/standstill"
)

func TestARequestToAStoppedRelayTimesOut(t *testing.T) {
	cmd, c := asProcess(t)
	c.Budget = 50 * time.Millisecond
	require.NoError(t, standstill.Stop(t.Context(), cmd.Process)) // like a relay in a frozen level
	_, err := c.ReadFile(t.Context(), "/etc/passwd", fileLimit)
	require.ErrorContains(t, err, "read /etc/passwd: no answer within 50ms; is the level frozen?")
	_, err = c.Dial(t.Context(), "/run/socket")
	require.ErrorContains(t, err, "no answer within 50ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Dial(ctx, "/run/socket")
	require.ErrorIs(t, err, context.Canceled)

	c.Budget = budget
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	_, err = c.ReadFile(t.Context(), "/etc/passwd", fileLimit)
	require.NoError(t, err, "it continues")
	require.NoError(t, c.Close())
	_ = cmd.Wait() // it ends with its input, or because it cannot write
}

func TestAKilledRelayEndsItsConnections(t *testing.T) {
	cmd, c := asProcess(t)
	socket := listen(t, func(conn *net.UnixConn) error {
		_, _ = io.Copy(io.Discard, conn)
		return nil
	})
	conn, err := c.Dial(t.Context(), socket)
	require.NoError(t, err)
	_, err = conn.Write([]byte("half a"))
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
	<-c.Ended()
	_, err = c.ReadFile(t.Context(), "/etc/passwd", fileLimit)
	require.ErrorIs(t, err, ErrEnded)
	require.EqualError(t, err, "read /etc/passwd: the relay in the level has ended")
	require.NoError(t, c.Close())
	require.Error(t, cmd.Wait())
}

// asProcess starts this binary as a relay.
func asProcess(t *testing.T) (*exec.Cmd, *Client) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), beRelay+"=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	c, err := Connect(t.Context(), &pipes{out, in}, budget)
	require.NoError(t, err)
	return cmd, c
}

type pipes struct {
	io.ReadCloser
	in io.WriteCloser
}

func (p *pipes) Write(b []byte) (int, error) { return p.in.Write(b) }
func (p *pipes) Close() error                { return errors.Join(p.in.Close(), p.ReadCloser.Close()) }
