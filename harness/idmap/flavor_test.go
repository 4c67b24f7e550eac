package idmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

// flavors has a version on each side of every change of the rules.
var flavors = []idmap.Flavor{"lxd-5.0.2", "lxd-5.0.4", "lxd-5.20", "lxd-6.7", idmap.LXD, "incus-6.0.2", "incus-6.6", "incus-6.7", "incus-6.0.4", "incus-7.0.1", "incus-7.0.2", "incus-7.4", idmap.Incus}

func TestIncusHasItsOwnNamesForTheAPIInContainers(t *testing.T) {
	for key, incus := range map[string]string{
		"security.devlxd":        "security.guestapi",
		"security.devlxd.images": "security.guestapi.images",
		"security.nesting":       "security.nesting",
		"user.security.devlxd":   "user.security.devlxd",
	} {
		assert.Equal(t, incus, idmap.Incus.Key(key))
		assert.Equal(t, key, idmap.LXD.Key(key))
	}
	assert.Equal(t, "/dev/incus/sock", idmap.Incus.GuestAPI())
	assert.Equal(t, "/dev/lxd/sock", idmap.LXD.At("5.0.2").GuestAPI())
}

func TestParseFlavorAcceptsProgramsAndVersions(t *testing.T) {
	for _, f := range append(flavors, "lxd-6", "incus-7") {
		got, err := idmap.ParseFlavor(string(f))
		require.NoError(t, err)
		assert.Equal(t, f, got)
	}
	for _, text := range []string{"", "lxc", "lxd-", "lxd-5.0.2-5", "lxd-5.21.3 LTS", "incus-latest", "Incus", "lxd-1.2.3.4"} {
		_, err := idmap.ParseFlavor(text)
		assert.EqualError(t, err, `flavor "`+text+`": not known; use lxd or incus, or one of their versions, such as lxd-5.0.2 or incus-6.0.4`)
	}
}

func TestAFlavorIsMadeFromWhatADaemonPrints(t *testing.T) {
	for version, want := range map[string]idmap.Flavor{"5.0.2": "lxd-5.0.2", "5.21.3 LTS": "lxd-5.21.3", "6.9": "lxd-6.9", "": "lxd", "devel": "lxd"} {
		assert.Equal(t, want, idmap.LXD.At(version))
		assert.Equal(t, want, idmap.LXD.At("4.0").At(version), "it replaces another version")
	}
	assert.Equal(t, "Incus 6.0.4", idmap.Incus.At("6.0.4").String())
	assert.Equal(t, "LXD", idmap.Flavor("").String())
}
