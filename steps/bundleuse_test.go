package steps

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/environment"
)

func TestBundlesOfTheSelectedScenarios(t *testing.T) {
	t.Setenv(environment.Old, "debian:bullseye")
	t.Setenv(environment.New, "")
	t.Setenv(environment.Bundle, "")
	for tags, want := range map[string][]string{
		"@core":                         nil,
		"@requires-debian && @versions": {"debian:bullseye", "debian:trixie"},
		"@moving && @on-cgroup2":        {"debian:bookworm", "debian:sid/incus", "debian:trixie", "debian:trixie/incus"},
		"@requires-debian && @on-cgroup2 && ~@moving": {"debian:bookworm,with-systemd", "debian:trixie", "debian:trixie,with-systemd"},
	} {
		sources, err := Suite{Tags: tags}.Bundles()
		require.NoError(t, err)
		var got []string
		for _, s := range sources {
			got = append(got, s.String())
		}
		assert.Equal(t, want, got, tags)
	}
	t.Setenv(environment.Bundle, "installed")
	sources, err := Suite{Tags: "@core"}.Bundles()
	require.NoError(t, err)
	require.Len(t, sources, 1)
	assert.Equal(t, "installed", sources[0].String())
}
