package relay

import (
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// counted counts the pieces that are written to it.
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

// Without frames, the number of pieces doubles at every level.
func TestMoreRelaysDoNotMakeMorePieces(t *testing.T) {
	sink := listen(t, func(conn *net.UnixConn) error {
		_, err := io.Copy(io.Discard, conn)
		return err
	})
	var relays []string
	for range 4 { // each stands for the exec that starts a relay one level deeper
		relays = append(relays, listen(t, func(conn *net.UnixConn) error {
			_ = Serve(t.Context(), conn) // it may fail because the client is gone
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
