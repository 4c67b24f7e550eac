package existing

import (
	"net"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

func TestAllocationsThatAnExistingLXDCanImitate(t *testing.T) {
	of := func(count uint32) idmap.Delegation {
		return idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: count})
	}
	for _, count := range []uint32{idmap.Block, 196607, 1000000000} {
		got, err := Config{Delegation: of(count)}.idCount()
		require.NoError(t, err)
		assert.Equal(t, count, got)
	}
	two := idmap.NewFile(idmap.Allocation{Owner: idmap.Root, Start: 1, Count: idmap.Block}, idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: idmap.Block})
	for want, c := range map[string]Config{
		"level 1 would have no ids":     {},
		"fewer than the 65536":          {Delegation: of(idmap.Block - 1)},
		"one range of ids":              {Delegation: idmap.Delegation{UID: two, GID: two}},
		"the same for users and groups": {Delegation: idmap.Delegation{UID: of(idmap.Block).UID, GID: of(2 * idmap.Block).GID}},
	} {
		_, err := c.idCount()
		require.ErrorIs(t, err, host.ErrNotOurs, want)
		require.ErrorContains(t, err, want)
	}
}

func TestAMissingLXDIsNamed(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "unix.socket")
	config := Config{Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: idmap.Block}), Bundle: &bundle.Bundle{}, LXD: LXD{Address: missing}}
	_, err := Start(t.Context(), config)
	require.ErrorContains(t, err, "LXD at "+missing+": ")
	require.ErrorIs(t, err, ErrNotListening)
	require.ErrorContains(t, err, "no such file or directory; start it")

	listener, err := net.Listen("unix", missing)
	require.NoError(t, err)
	require.NoError(t, listener.Close()) // this removes the socket
	_, err = Reap(t.Context(), LXD{Address: missing}, "")
	require.ErrorContains(t, err, "start it")
}

func TestLiblxc7SupportsOnlyCgroup2(t *testing.T) {
	for version, want := range map[string]bool{"5.0.2": false, "6.0.3 | 9.2.0": false, "7.0.0": true, "7.0.1 | 10.0.0": true, "12.0": true, "": false, "unknown": false} {
		assert.Equal(t, want, onlyCgroup2(version), version)
	}
}
