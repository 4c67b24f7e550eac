package reach

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/canonical/lxd/shared/api"
	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"
)

// The server is not LXD; the test is about its answer in the error.
func TestARefusedWebsocketSaysWhatLXDAnswered(t *testing.T) {
	path := t.TempDir() + "/socket"
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "Only running operations can be connected", http.StatusBadRequest)
	})}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	root := Remote("test", func(ctx context.Context) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", path) })
	fds := map[string]any{}
	for _, name := range []string{api.SecretNameControl, stdinName, stdoutName, stderrName} {
		fds[name] = "secret"
	}
	_, err = dialExec(t.Context(), root, &api.Operation{ID: "1", Metadata: map[string]any{"fds": fds}})
	require.ErrorIs(t, err, websocket.ErrBadHandshake)
	require.True(t, NeverStarted(err), err)
}
