package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWhatOnlyAPrivateHostHasIsRefusedOnAnExistingLXD(t *testing.T) {
	for want, c := range map[string]PrivateConfig{
		"a disk of its own": {Disk: 1}, "loop devices": {Loops: true}, "no idmapped mounts": {NoIdmapped: true},
	} {
		h, err := Start(t.Context(), StartConfig{PrivateConfig: c, LXD: "/none"})
		assert.Nil(t, h)
		require.ErrorIs(t, err, ErrNotOurs, want)
		require.ErrorContains(t, err, want)
	}
}
