package idmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/idmap"
)

func TestIncusHasItsOwnNamesForTheAPIInContainers(t *testing.T) {
	for key, incus := range map[string]string{
		"security.devlxd":        "security.guestapi",
		"security.devlxd.images": "security.guestapi.images",
		"security.nesting":       "security.nesting",
		"user.security.devlxd":   "user.security.devlxd",
	} {
		assert.Equal(t, incus, idmap.Incus.Key(key))
		assert.Equal(t, key, idmap.LXD.Key(key))
		assert.Equal(t, key, idmap.LXD502.Key(key))
	}
	assert.Equal(t, "/dev/incus/sock", idmap.Incus.GuestAPI())
	assert.Equal(t, "/dev/lxd/sock", idmap.LXD502.GuestAPI())
}
