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
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

const budget = time.Minute

// fileLimit is the largest file that is read, in bytes.
const fileLimit = 16 << 20

// start serves over one end of a pipe and returns a client at the other.
func start(t *testing.T) *Client {
	t.Helper()
	near, far := net.Pipe()
	served := make(chan error, 1)
	go func() { served <- Serve(t.Context(), far) }()
	c, err := Connect(t.Context(), near, budget)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, c.Close())
		require.NoError(t, <-served)
	})
	return c
}

// listen returns the path of a socket, and calls talk with each connection to it.
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

func TestFilesAreThoseOfTheRelaysSystem(t *testing.T) {
	c := start(t)
	dir := t.TempDir()
	content := make([]byte, 3*window)
	_, _ = rand.Read(content)
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(file, content, 0o640))
	require.NoError(t, os.Symlink("file", link))
	require.NoError(t, unix.Setxattr(file, "user.nestbed", []byte("value"), 0))

	got, err := c.ReadFile(t.Context(), link, fileLimit)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got), "larger than the window")
	var want unix.Stat_t
	require.NoError(t, unix.Lstat(file, &want))
	info, err := c.Stat(t.Context(), file)
	require.NoError(t, err)
	assert.Equal(t, Info{Mode: want.Mode, UID: want.Uid, GID: want.Gid, Size: want.Size, Seconds: want.Mtim.Sec, Nanoseconds: want.Mtim.Nsec}, info)
	info, err = c.Stat(t.Context(), link)
	require.NoError(t, err)
	assert.Equal(t, uint32(unix.S_IFLNK), info.Mode&unix.S_IFMT, "a link is not followed")
	to, err := c.Readlink(t.Context(), link)
	require.NoError(t, err)
	assert.Equal(t, "file", to)
	names, err := c.List(t.Context(), dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"file", "link"}, names)
	value, err := c.Xattr(t.Context(), file, "user.nestbed")
	require.NoError(t, err)
	assert.Equal(t, "value", string(value))
	kernel, err := c.ReadFile(t.Context(), "/proc/self/status", fileLimit) // its size is unknown before
	require.NoError(t, err)
	assert.Contains(t, string(kernel), "Pid:")

	_, err = c.Xattr(t.Context(), file, "user.nosuch")
	require.ErrorIs(t, err, syscall.ENODATA)
	_, err = c.ReadFile(t.Context(), dir+"/nosuch", fileLimit)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = c.List(t.Context(), file)
	require.ErrorIs(t, err, syscall.ENOTDIR)
	_, err = c.Readlink(t.Context(), file)
	require.ErrorIs(t, err, syscall.EINVAL)
	_, err = c.Dial(t.Context(), dir+"/nosuch")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, unix.Mkfifo(dir+"/fifo", 0o600))
	_, err = c.ReadFile(t.Context(), dir+"/fifo", fileLimit)
	require.EqualError(t, err, "read "+dir+"/fifo: found a FIFO, expected a regular file")
	_, err = c.Dial(t.Context(), file)
	require.EqualError(t, err, "dial "+file+": found a regular file, expected a socket")
	_, err = c.ReadFile(t.Context(), "/dev/zero", fileLimit)
	require.ErrorContains(t, err, "found a character device")
	_, err = c.ReadFile(t.Context(), file, int64(len(content))-1)
	require.ErrorContains(t, err, "it has 3145728 bytes, expected 3145727 at most")
	_, err = c.ReadFile(t.Context(), "relative", fileLimit)
	require.ErrorContains(t, err, "expected a clean absolute path")
}

func TestOneDirectionOfAConnectionCanBeClosed(t *testing.T) {
	c := start(t)
	socket := listen(t, func(conn *net.UnixConn) error {
		asked, err := io.ReadAll(conn) // to the end of that direction
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

func TestClosingAConnectionEndsBothSides(t *testing.T) {
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

func TestOtherProgramsThanTheRelayAreRefused(t *testing.T) {
	for want, said := range map[string]string{
		`read "nestbed-relay 0011223344556677\n", expected`: "nestbed-relay 0011223344556677\n",
		`read "sh: nestbed-relay: no such`:                  "sh: nestbed-relay: no such file or directory, and much more of that kind\n",
		`ended at its start: read ""`:                       "",
		`ended at its start: read "nest"`:                   "nest",
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
