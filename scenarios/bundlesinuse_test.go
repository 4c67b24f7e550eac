package scenarios_test

import (
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
)

func TestTheBundlesThatTheChosenScenariosName(t *testing.T) {
	t.Setenv(oldEnv, "debian:bullseye")
	t.Setenv(newEnv, "")
	t.Setenv(harnesstest.BundleEnv, "")
	for tags, want := range map[string][]string{
		"@core":                         nil,
		"@requires-debian && @versions": {"debian:bullseye", "debian:trixie"},
		"@moving && @on-cgroup2":        {"debian:bookworm", "debian:sid/incus", "debian:trixie", "debian:trixie/incus"},
		"@requires-debian && @on-cgroup2 && ~@moving": {"debian:bookworm,with-systemd", "debian:trixie", "debian:trixie,with-systemd"},
	} {
		sources, err := bundlesInUse(everyFeature(tags))
		require.NoError(t, err)
		var got []string
		for _, s := range sources {
			got = append(got, s.String())
		}
		assert.Equal(t, want, got, tags)
	}
	t.Setenv(harnesstest.BundleEnv, "installed")
	sources, err := bundlesInUse(everyFeature("@core"))
	require.NoError(t, err)
	require.Len(t, sources, 1)
	assert.Equal(t, "installed", sources[0].String())
}

// everyFeature chooses by tags among all scenarios, whatever the flags say.
func everyFeature(tags string) godog.Options {
	of := options
	of.Paths, of.Tags = []string{"."}, tags
	return of
}
