package harness

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// LXD pings when a program starts, then sends its output and closes. A client that reads slowly
// can no longer answer the ping, but must still read the output. gorilla/websocket v1.5.1 does;
// v1.5.3 stops reading.
func TestOutputArrivesAfterAPingThatCannotBeAnswered(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	closed := make(chan error, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := new(websocket.Upgrader).Upgrade(w, r, nil)
		if !assert.NoError(t, err) {
			return
		}
		assert.NoError(t, conn.WriteControl(websocket.PingMessage, nil, time.Time{}))
		assert.NoError(t, conn.WriteMessage(websocket.BinaryMessage, []byte("accepted")))
		closed <- conn.Close()
	}))
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)

	dialer := websocket.Dialer{NetDialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	conn, answer, err := dialer.DialContext(t.Context(), "ws://lxd/", nil)
	require.NoError(t, err)
	defer conn.Close()
	defer answer.Body.Close()
	require.NoError(t, <-closed)
	_, output, err := conn.ReadMessage()
	require.NoError(t, err)
	assert.Equal(t, "accepted", string(output))
}
