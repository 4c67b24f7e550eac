package start

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
)

func TestWhatOnlyAPrivateHostHasIsRefusedOnAnExistingLXD(t *testing.T) {
	for want, c := range map[string]private.Config{
		"a disk of its own": {Disk: 1}, "loop devices": {Loops: true}, "no idmapped mounts": {NoIdmapped: true},
	} {
		h, err := Start(t.Context(), Config{Config: c, LXD: existing.LXD{Address: "/none"}})
		assert.Nil(t, h)
		require.ErrorIs(t, err, host.ErrNotOurs, want)
		require.ErrorContains(t, err, want)
	}
}
