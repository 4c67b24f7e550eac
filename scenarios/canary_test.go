package scenarios_test

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A canary is a directory on the machine that hostile symlinks lead to. Nothing may read, change
// or connect to anything in it.
type canary struct {
	dir      string
	contacts atomic.Int64 // connections to its sockets
	sockets  []string
	before   string
}

// secret is the content of the canary's files.
const secret = "of the machine\n"

// newCanary makes a directory with files and listening sockets that have the names nestbed looks
// for.
func newCanary(t *testing.T) *canary {
	t.Helper()
	dir, err := os.MkdirTemp("", "canary-") //nolint:usetesting // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o755)) // only the isolation of a level keeps its root out
	c := &canary{dir: dir}
	for _, name := range []string{"file", "lxd/database/local.db", "lxd/disks/file", "log/lxd.log", "log/lxd.err", "proc/1/root/file", "proc/1/ns/net", "dev/null"} {
		c.write(t, name)
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sys"), 0o755))
	c.listen(t, "socket")
	c.listen(t, "lxd/unix.socket")
	// These are the targets for directories that become symlinks to this one.
	for _, path := range touched {
		name := filepath.Join("all", filepath.Base(path))
		if strings.HasSuffix(path, "sock") || strings.HasSuffix(path, "socket") {
			c.listen(t, name)
		} else {
			c.write(t, name)
		}
	}
	c.before = c.state(t)
	return c
}

func (c *canary) write(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join(c.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(secret), 0o600))
}

func (c *canary) listen(t *testing.T, name string) {
	t.Helper()
	path := filepath.Join(c.dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() {
		assert.NoError(t, listener.Close())
		<-done
	})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			c.contacts.Add(1)
			_ = conn.Close()
		}
	}()
	c.sockets = append(c.sockets, path)
}

// state returns names, modes, owners, sizes, times and contents.
func (c *canary) state(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "find", c.dir, "-printf", `%p %y %m %U %G %s %T@ %C@ %i\n`).Output()
	require.NoError(t, err)
	content, err := exec.CommandContext(t.Context(), "grep", "-r", "", c.dir, "--devices=skip").Output()
	require.NoError(t, err)
	return string(out) + string(content)
}

// untouched fails if there were connections or changes.
func (c *canary) untouched(t *testing.T) {
	t.Helper()
	assert.Zero(t, c.contacts.Load(), "connections to the machine's sockets")
	assert.Equal(t, c.before, c.state(t))
}

// notices checks the canary itself: it fails unless the canary notices connections and a change.
func (c *canary) notices(t *testing.T) {
	t.Helper()
	for i, path := range c.sockets {
		before := c.contacts.Load()
		conn, err := net.Dial("unix", path)
		require.NoError(t, err)
		_, _ = conn.Read(make([]byte, 1)) // returns after the connection was counted and closed
		require.NoError(t, conn.Close())
		require.Equal(t, before+1, c.contacts.Load(), "socket %d", i)
	}
	require.NoError(t, os.Truncate(filepath.Join(c.dir, "lxd/database/local.db"), 1))
	require.NotEqual(t, c.before, c.state(t))
}

// up is a relative path to the root directory from anywhere.
var up = strings.Repeat("../", 16)
