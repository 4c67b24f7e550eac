package start

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
	"nestbed/harness/host/existing"
)

func TestAnExistingLXDRefusesOptionsOfPrivateHosts(t *testing.T) {
	for want, n := range map[string]Needs{
		"a disk of its own": {Disk: 1}, "loop devices": {Loops: true}, "no idmapped mounts": {NoIdmapped: true},
	} {
		h, err := Site{LXD: existing.LXD{Address: "/none"}}.Start(t.Context(), n)
		assert.Nil(t, h)
		require.ErrorIs(t, err, host.ErrNotOurs, want)
		require.ErrorContains(t, err, want)
	}
}

func TestATargetHasASite(t *testing.T) {
	for text, private := range map[string]bool{"private": true, "vm": true, "system:/run/lxd.socket": false, "https://lab:8443": false} {
		target, err := host.ParseTarget(text)
		require.NoError(t, err)
		site, err := At(target, "/keys")
		require.NoError(t, err)
		assert.Equal(t, existing.LXD{Address: target.Address, Keyring: "/keys"}, site.LXD)
		assert.Equal(t, private, site.Private(), text)
	}
}
