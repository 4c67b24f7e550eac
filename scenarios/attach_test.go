package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
)

func TestAttachToARunningChain(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(2))

	running, err := stateRoot().Open(harnesstest.Context(t), h.Name())
	require.NoError(t, err)
	defer running.Close()
	levels, err := harness.Attach(harnesstest.Context(t), running)
	require.NoError(t, err)
	defer harness.Detach(levels)
	require.Len(t, levels, 2)
	for i, l := range levels {
		m, err := l.Map(harnesstest.Context(t))
		require.NoError(t, err)
		assert.Equal(t, chain.Plan.Levels[i].Map, m, "level %d", l.Index)
		onHost, err := l.HostMap(harnesstest.Context(t))
		require.NoError(t, err)
		assert.Equal(t, chain.Plan.Levels[i].Host, onHost, "level %d", l.Index)
	}

	_, err = stateRoot().Open(harnesstest.Context(t), "nobody")
	assert.ErrorContains(t, err, "host nobody: no journal of nestbed")
}
