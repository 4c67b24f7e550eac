package lxdop

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The server is not an LXD, because only the end of the request is tested.
func TestARequestEndsWithItsContext(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	asked := make(chan string, 1)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.URL.String()
		if r.URL.Path == "/1.0/instances/hangs" {
			<-r.Context().Done()
			return
		}
		_, _ = io.WriteString(w, `{"type":"sync","status":"Success","status_code":200,"metadata":{"name":"answers"}}`)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	client, err := lxd.ConnectLXDUnixWithContext(t.Context(), path, &lxd.ConnectionArgs{SkipGetServer: true})
	require.NoError(t, err)
	client = client.UseProject("p")

	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, _, err := With(ctx, client).GetInstance("hangs")
		ended <- err
	}()
	assert.Equal(t, "/1.0/instances/hangs?project=p", <-asked)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)

	got, _, err := client.GetInstance("answers")
	require.NoError(t, err, "the client itself keeps its context")
	assert.Equal(t, "answers", got.Name)
	assert.Equal(t, "/1.0/instances/answers?project=p", <-asked)
}
