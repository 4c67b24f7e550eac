package lxdop

import (
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// serve answers requests on a socket, and returns a client of it.
func serve(t *testing.T, answer http.HandlerFunc) lxd.InstanceServer {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: answer}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client, err := lxd.ConnectLXDUnixWithContext(t.Context(), socket, &lxd.ConnectionArgs{SkipGetServer: true})
	require.NoError(t, err)
	return client
}

func TestAnEndlessAnswerDoesNotFillTheMemory(t *testing.T) {
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"metadata":"`)
		for some := strings.Repeat("a", 1<<20); ; {
			if _, err := io.WriteString(w, some); err != nil {
				return // the client has closed the connection
			}
		}
	})
	_, err := get(t.Context(), client, "x", "")
	require.ErrorContains(t, err, "read LXD's answer (200 OK, 16777216 bytes): ")
}

func TestAPushHasTheHeadersOfLXDAndOfIncus(t *testing.T) {
	var got *http.Request
	client := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		_, _ = io.WriteString(w, `{"type":"sync","status":"Success","status_code":200}`)
	})
	require.NoError(t, PushFile(t.Context(), client.UseProject("p q"), "c/1", File{Path: "/root/a b", Content: []byte("x"), UID: 5, GID: 4294967301, Mode: 0o700}))
	assert.Equal(t, "/1.0/instances/c%2F1/files?path=%2Froot%2Fa+b&project=p+q", got.URL.RequestURI())
	for _, program := range []string{"X-LXD-", "X-Incus-"} {
		for key, want := range map[string]string{"uid": "5", "gid": "4294967301", "mode": "0700", "type": "file", "write": "overwrite"} {
			assert.Equal(t, want, got.Header.Get(program+key), program+key)
		}
	}
}

func TestAWaitGoesOnAfterAConnectionThatWasClosedWithoutAnAnswer(t *testing.T) {
	for what, broken := range map[string]string{"nothing": "", "the beginning": "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{"} {
		client := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/wait") {
				connection, _, err := http.NewResponseController(w).Hijack()
				assert.NoError(t, err)
				_, _ = io.WriteString(connection, broken)
				_ = connection.Close()
				return
			}
			_, _ = io.WriteString(w, `{"type":"sync","status_code":200,"metadata":{"id":"x","status_code":200}}`)
		})
		seen, err := waitOnce(t.Context(), client, "x")
		require.NoError(t, err, what)
		assert.Equal(t, api.Success, seen.StatusCode, what)
	}
}
