package steps

import (
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

func TestATagOfAVersionHoldsForItsVersions(t *testing.T) {
	lxd := func(version string) *bundle.Bundle { return &bundle.Bundle{Flavor: idmap.LXD, LXD: version} }
	incus := func(version string) *bundle.Bundle { return &bundle.Bundle{Flavor: idmap.Incus, LXD: version} }
	shadow := func(version idmap.Shadow) *bundle.Bundle { return &bundle.Bundle{ShadowTools: true, Shadow: version} }
	for _, c := range []struct {
		tag   string
		of    *bundle.Bundle
		holds bool
	}{
		{"@lxd", lxd("5.0.2"), true},
		{"@lxd", incus("6.0.4"), false},
		{"@incus", incus("7"), true},
		{"@incus", lxd("6.2"), false},
		{"@since-lxd-6.2", lxd("6.1"), false},
		{"@since-lxd-6.2", lxd("6.2"), true},
		{"@since-lxd-6.2", lxd("6.10"), true},
		{"@since-lxd-6.2", incus("6.0.4"), true}, // says nothing about Incus
		{"@before-lxd-6.2", lxd("5.21.3 LTS"), true},
		{"@before-lxd-6.2", lxd("6.2"), false},
		{"@before-lxd-5.0.4", lxd("5.0.2"), true},
		{"@before-lxd-6.2", lxd("git-main"), false}, // unknown: the newest
		{"@since-lxd-6.2", lxd("git-main"), true},
		{"@since-incus-7", incus("7.1"), true},
		{"@since-incus-7", incus("6.0.4"), false},
		{"@before-incus-6.9", incus("6.19"), false},
		{"@before-shadow-4.20", shadow("4.17.4"), true},
		{"@before-shadow-4.20", shadow("4.20.2"), false},
		{"@before-shadow-4.20", shadow(""), false}, // unknown
		{"@since-shadow-4.20", shadow("4.13"), false},
		{"@since-shadow-4.20", lxd("5.0.2"), true}, // newuidmap is not installed
	} {
		got := versionRequirements([]*godog.Scenario{{Tags: []*messages.PickleTag{{Name: c.tag}, {Name: "@core"}, {Name: c.tag}}}}, c.of)
		require.Len(t, got, 1, c.tag)
		assert.Equal(t, c.holds, got[0].OK, "%s with %s", c.tag, c.of.Daemon())
	}
	assert.Empty(t, versionRequirements([]*godog.Scenario{{Tags: []*messages.PickleTag{{Name: "@lxd-5"}, {Name: "@since-lxd"}, {Name: "@core"}}}}, lxd("6.2")))
	err := versionRequirements([]*godog.Scenario{{Tags: []*messages.PickleTag{{Name: "@before-lxd-5.0.4"}}}}, lxd("6.2"))[0].Err()
	assert.EqualError(t, err, "@before-lxd-5.0.4: LXD before 5.0.4: LXD 6.2; this is for other machines or versions")
}
