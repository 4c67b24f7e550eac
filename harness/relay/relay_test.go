package relay

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const budget = time.Minute

// start serves over one end of a pipe, and gives a client at the other.
func start(t *testing.T) *Client {
	t.Helper()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- Serve(far) }()
	c, err := Connect(t.Context(), near, budget)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		require.NoError(t, <-served)
	})
	return c
}

// listen calls talk with whoever connects to a socket, whose path it gives.
func listen(t *testing.T, talk func(conn *net.UnixConn) error) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	require.NoError(t, err)
	var g errgroup.Group
	g.Go(func() error {
		for {
			conn, err := l.AcceptUnix()
			if errors.Is(err, net.ErrClosed) {
				return nil
			} else if err != nil {
				return err
			}
			g.Go(func() error {
				defer conn.Close()
				return talk(conn)
			})
		}
	})
	t.Cleanup(func() {
		assert.NoError(t, l.Close())
		assert.NoError(t, g.Wait())
	})
	return path
}

func TestFilesAreSeenAsWhereTheRelayIs(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	content := make([]byte, 3*window)
	_, _ = rand.Read(content)
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, content, 0o640))
	require.NoError(t, os.Symlink("file", link))
	require.NoError(t, unix.Setxattr(file, "user.nestbed", []byte("value"), 0))

	got, err := c.ReadFile(link)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got), "more than can be on the way at a time")
	var want unix.Stat_t
	require.NoError(t, unix.Lstat(file, &want))
	info, err := c.Stat(file)
	require.NoError(t, err)
	assert.Equal(t, Info{Mode: want.Mode, UID: want.Uid, GID: want.Gid, Size: want.Size, Seconds: want.Mtim.Sec, Nanoseconds: want.Mtim.Nsec}, info)
	info, err = c.Stat(link)
	require.NoError(t, err)
	assert.Equal(t, uint32(unix.S_IFLNK), info.Mode&unix.S_IFMT, "a link is not followed")
	to, err := c.Readlink(link)
	require.NoError(t, err)
	assert.Equal(t, "file", to)
	names, err := c.List(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"file", "link"}, names)
	value, err := c.Xattr(file, "user.nestbed")
	require.NoError(t, err)
	assert.Equal(t, "value", string(value))
	kernel, err := c.ReadFile("/proc/self/status") // of no size beforehand
	require.NoError(t, err)
	assert.Contains(t, string(kernel), "Pid:")

	_, err = c.Xattr(file, "user.nosuch")
	require.ErrorIs(t, err, syscall.ENODATA)
	_, err = c.ReadFile(dir + "/nosuch")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = c.List(file)
	require.ErrorIs(t, err, syscall.ENOTDIR)
	_, err = c.Readlink(file)
	require.ErrorIs(t, err, syscall.EINVAL)
	_, err = c.Dial(t.Context(), dir+"/nosuch")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = c.ReadFile("relative")
	require.ErrorContains(t, err, "expected an absolute one")
}

func TestHalfOfAConnectionCanBeEnded(t *testing.T) {
	c := start(t)
	socket := listen(t, func(conn *net.UnixConn) error {
		asked, err := io.ReadAll(conn) // to the end of that half
		if err != nil {
			return err
		}
		_, err = conn.Write(append([]byte("heard "), asked...))
		return err
	})
	var g errgroup.Group
	for range 20 {
		g.Go(func() error {
			said := make([]byte, 100000)
			_, _ = rand.Read(said)
			conn, err := c.Dial(t.Context(), socket)
			if err != nil {
				return err
			}
			defer conn.Close()
			if _, err := conn.Write(said); err != nil {
				return err
			}
			if err := conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
				return err
			}
			heard, err := io.ReadAll(conn)
			assert.True(t, bytes.Equal(append([]byte("heard "), said...), heard))
			return err
		})
	}
	require.NoError(t, g.Wait())
}

func TestWhoClosesAConnectionIsNotKeptWaitingAndTheOtherSideLearnsOfIt(t *testing.T) {
	c := start(t)
	ended := make(chan error, 1)
	socket := listen(t, func(conn *net.UnixConn) error {
		_, err := io.Copy(io.Discard, conn)
		ended <- err
		return nil
	})
	conn, err := c.Dial(t.Context(), socket)
	require.NoError(t, err)
	read := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		read <- err
	}()
	require.NoError(t, conn.Close())
	require.Error(t, <-read)
	require.NoError(t, <-ended)
}

func TestWhatIsNoRelayIsRefused(t *testing.T) {
	for want, said := range map[string]string{
		`it said "nestbed-relay 0011223344556677\n", expected`: "nestbed-relay 0011223344556677\n",
		`it said "sh: nestbed-relay: no such`:                  "sh: nestbed-relay: no such file or directory, and much more of that kind\n",
		`ended at its start: it said ""`:                       "",
		`ended at its start: it said "nest"`:                   "nest",
	} {
		near, far := net.Pipe()
		go func() {
			_, _ = io.WriteString(far, said)
			_ = far.Close()
		}()
		_, err := Connect(t.Context(), near, budget)
		require.ErrorContains(t, err, want)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	near, far := net.Pipe()
	defer far.Close()
	enough := errors.New("enough")
	time.AfterFunc(time.Millisecond, func() { cancel(enough) })
	_, err := Connect(ctx, near, budget)
	require.ErrorIs(t, err, enough)
}

func TestARelayThatDoesNotAnswerIsNotWaitedForLongerThanItsBudget(t *testing.T) {
	cmd, c := asProcess(t)
	c.Budget = 50 * time.Millisecond
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP)) // as one in a level that is frozen
	_, err := c.ReadFile("/etc/passwd")
	require.ErrorContains(t, err, "read /etc/passwd: no answer within 50ms; is the level frozen?")
	_, err = c.Dial(t.Context(), "/run/socket")
	require.ErrorContains(t, err, "no answer within 50ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Dial(ctx, "/run/socket")
	require.ErrorIs(t, err, context.Canceled)

	c.Budget = budget
	require.NoError(t, cmd.Process.Signal(syscall.SIGCONT))
	_, err = c.ReadFile("/etc/passwd")
	require.NoError(t, err, "it goes on where it stood")
	require.NoError(t, c.Close())
	_ = cmd.Wait() // it ends with its input, or by what it still had to say
}

func TestARelayThatIsKilledEndsAllThatGoesThroughIt(t *testing.T) {
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
	_, err = c.ReadFile("/etc/passwd")
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

// counted counts the pieces that are written.
type counted struct {
	io.ReadWriteCloser
	mu     sync.Mutex
	pieces int
}

func (c *counted) Write(p []byte) (int, error) {
	c.mu.Lock()
	c.pieces++
	c.mu.Unlock()
	return c.ReadWriteCloser.Write(p)
}

func (c *counted) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pieces
}

// Through relays in relays the pieces must not become more and more: without frames they double at every level.
func TestThroughManyRelaysThePiecesStayFew(t *testing.T) {
	sink := listen(t, func(conn *net.UnixConn) error {
		_, err := io.Copy(io.Discard, conn)
		return err
	})
	var relays []string
	for range 4 { // each stands for the exec that starts a relay one level further in
		relays = append(relays, listen(t, func(conn *net.UnixConn) error {
			_ = Serve(conn) // it may still have something to say when the client is gone
			return nil
		}))
	}
	conn, err := net.Dial("unix", relays[0])
	require.NoError(t, err)
	var ways []*counted
	var client *Client
	for i := range relays {
		way := &counted{ReadWriteCloser: conn}
		ways = append(ways, way)
		client, err = Connect(t.Context(), way, budget)
		require.NoError(t, err)
		defer client.Close()
		if i+1 < len(relays) {
			conn, err = client.Dial(t.Context(), relays[i+1])
			require.NoError(t, err)
		}
	}
	last, err := client.Dial(t.Context(), sink)
	require.NoError(t, err)
	before := ways[0].count()
	const writes = 50
	for range writes {
		_, err := last.Write(make([]byte, 1000))
		require.NoError(t, err)
	}
	require.NoError(t, last.Close())
	assert.Less(t, ways[0].count()-before, 2*writes, "pieces at level 1 of %d at level 4", writes)
}
