package reach

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"nestbed/harness/wait"
)

// The servers here are not LXD; the tests are about how long clients wait.
func TestARequestTimesOut(t *testing.T) {
	for name, answer := range map[string]func(net.Conn){
		"accepted and not read": func(net.Conn) {},
		"read and not answered": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },
		"answered in part": func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				return
			}
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
			_, _ = io.Copy(io.Discard, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			path := listen(t, answer)
			ctx := wait.WithPatience(t.Context(), 0.001)
			args := clientArgs(ctx)
			args.SkipGetServer = true
			client, err := lxd.ConnectLXDUnixWithContext(ctx, path, args)
			require.NoError(t, err)
			began := time.Now()
			_, _, err = client.GetServer()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Less(t, time.Since(began), requestBudget)
		})
	}
}

func TestAWebsocketHasTheTimeoutOfAnyRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		args := clientArgs(t.Context())
		args.SkipGetServer = true
		client, err := lxd.ConnectLXDUnixWithContext(t.Context(), "none", args)
		require.NoError(t, err)
		args.HTTPClient.Transport.(*http.Transport).DialContext = func(context.Context, string, string) (net.Conn, error) {
			ours, silent := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, silent) }()
			return ours, nil
		}
		began := time.Now()
		_, err = closable(client, args.HTTPClient).RawWebsocket("/operations/0/websocket")
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		assert.Equal(t, requestBudget, time.Since(began), "LXD's client has 5 s for it")
	})
}

// listen returns the path of a socket at which answer handles each connection.
func listen(t *testing.T, answer func(net.Conn)) string {
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { _ = c.Close() })
			go answer(c)
		}
	}()
	return path
}

func TestARequestThatIsAnsweredEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"type":"sync","status":"Success","status_code":200,"metadata":{"api_version":"1.0"}}`)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	args := clientArgs(t.Context())
	client, err := lxd.ConnectLXDUnixWithContext(t.Context(), path, args)
	require.NoError(t, err)
	got, _, err := client.GetServer()
	require.NoError(t, err)
	assert.Equal(t, "1.0", got.APIVersion)

	// Several goroutines may use ours; the race detector checks that.
	ours := closable(client, args.HTTPClient)
	var g errgroup.Group
	for range 4 {
		g.Go(func() error {
			_ = ours.HasExtension("instances")
			_, _, err := ours.GetServer()
			return err
		})
	}
	require.NoError(t, g.Wait())
	got, _, err = ours.GetServer()
	require.NoError(t, err)
	assert.Equal(t, "1.0", got.APIVersion)
}
