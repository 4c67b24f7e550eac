package reach

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/reach/relay"
)

func TestOnlyAProgramThatNeverStartedIsRunAgain(t *testing.T) {
	for text, wanted := range map[string]bool{
		"Timed out waiting for websockets to connect": true,
		"Only running operations can be connected":    true,
		"exit status 1":           false,
		"Instance is not running": false,
		"read unix @->/var/lib/lxd/unix.socket: i/o timeout": false, // it may have started
	} {
		assert.Equal(t, wanted, NeverStarted(errors.New(text)), text)
	}
	assert.False(t, NeverStarted(nil))
}

func TestTheRelayOfALevelComesFromTheHostsStore(t *testing.T) {
	host := Remote("https://lab:8443", nil)
	store := bundle.Store{Dir: t.TempDir()}
	host.UseStore(store)
	level := host
	for range 2 {
		var err error
		level, err = level.Child(t.Context(), "c", 1)
		require.NoError(t, err)
		assert.Equal(t, store, level.store)
	}
	assert.Contains(t, relayPlaces(level.store), filepath.Join(store.Dir, relayEntry(), relay.Program))
	self, err := os.Executable()
	require.NoError(t, err)
	assert.Contains(t, relayPlaces(level.store), filepath.Join(filepath.Dir(filepath.Dir(self)), "libexec", "nestbed", relay.Program), "of a package")
}
