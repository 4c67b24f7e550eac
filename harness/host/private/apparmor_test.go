package private

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestProfilesOfReturnsOnlyTheHostsProfiles(t *testing.T) {
	const list = `lxd-c1_</var/lib/lxd-123> (enforce)
lxd-c1_</var/lib/lxd-1234> (enforce)
lxd-c1_</var/lib/lxd> (enforce)
lxd-c2_</var/lib/lxd-123> (unconfined)
lxd_archive-var-lib-lxd-123-storage-pools-default-containers-c1 (enforce)
lxd_archive-var-lib-lxd-1234-storage-pools-default-containers-c1 (enforce)
lxd_dnsmasq-lxdbr0_</var/lib/lxd> (enforce)
lxc-container-default (enforce)
/usr/bin/lxc-start (enforce)
`
	assert.Equal(t, []string{
		"lxd-c1_</var/lib/lxd-123>", "lxd-c2_</var/lib/lxd-123>", "lxd_archive-var-lib-lxd-123-storage-pools-default-containers-c1",
	}, profilesOf("123", list))
	assert.Empty(t, profilesOf("12", list))

	assert.True(t, isNamespaceOf("123", "lxd-c1_<var-lib-lxd-123>"))
	for _, other := range []string{"lxd-c1_<var-lib-lxd-1234>", "lxd-c1_<var-lib-lxd>", "lxd-c1_<var-lib-lxd-2123>", "root"} {
		assert.False(t, isNamespaceOf("123", other), other)
	}
}
