package existing

import (
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
)

func TestAMissingLXDSaysWhatIsWrongAndWhatToDo(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "unix.socket")
	rs := Requirements(t.Context(), bundle.Store{}, LXD{Address: missing})
	require.Len(t, rs, 1, "an LXD that does not answer has no levels")
	require.ErrorContains(t, rs[0].Err(), "existing host: LXD: ")
	require.ErrorContains(t, rs[0].Err(), "no such file or directory; fix: start it")
	require.ErrorIs(t, rs[0].Err(), ErrNotListening)
	assert.Equal(t, rs[0].Err(), Check(t.Context(), bundle.Store{}, bundle.Dir, LXD{Address: missing}))

	// A listener that is not LXD.
	listener, err := net.Listen("unix", missing)
	require.NoError(t, err)
	server := &httptest.Server{Listener: listener, Config: &http.Server{Handler: http.NotFoundHandler()}}
	server.Start()
	defer server.Close()
	rs = Requirements(t.Context(), bundle.Store{}, LXD{Address: missing})
	require.Len(t, rs, 1)
	require.Error(t, rs[0].Err())
	assert.NotContains(t, rs[0].Found, "\n")
}
