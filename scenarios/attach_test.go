package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
)

func TestARunningChainIsLookedIntoFromOutside(t *testing.T) {
	beside(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(2))

	running, err := private.Open(t.Context(), h.Name())
	require.NoError(t, err)
	defer running.Close()
	levels, err := harness.Attach(t.Context(), running)
	require.NoError(t, err)
	defer harness.Detach(levels)
	require.Len(t, levels, 2)
	for i, l := range levels {
		m, err := l.Map(t.Context())
		require.NoError(t, err)
		assert.Equal(t, chain.Plan.Levels[i].Map, m, "level %d", l.Index)
		onHost, err := l.HostMap(t.Context())
		require.NoError(t, err)
		assert.Equal(t, chain.Plan.Levels[i].Host, onHost, "level %d", l.Index)
	}

	_, err = private.Open(t.Context(), "nobody")
	assert.ErrorContains(t, err, "host nobody: no journal of nestbed")
}
