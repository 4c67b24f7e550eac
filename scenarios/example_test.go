package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// TestAChainInPlainGo shows how to use the harness without Gherkin.
func TestAChainInPlainGo(t *testing.T) {
	parallel(t, 1)
	supply := idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 131072}
	h := harnesstest.Host(t, idmap.Delegate(supply))
	chain := harnesstest.Build(t, h, harness.Cascade(2))

	out, err := chain.Deepest().Exec(harnesstest.Context(t), "id", "-u")
	require.NoError(t, err)
	assert.Equal(t, "0\n", out, "root in the level")

	m, err := chain.Deepest().HostMap(harnesstest.Context(t))
	require.NoError(t, err)
	root, _ := idmap.Up(m.UID, 0)
	assert.EqualValues(t, 565536, root, "but not root on the host")

	checks, err := probe.Verify(harnesstest.Context(t), chain)
	require.NoError(t, err)
	assert.Empty(t, harness.Failed(checks))
}

func TestAStopInPlainGo(t *testing.T) {
	parallel(t, 1)
	supply := idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}
	h := harnesstest.Host(t, idmap.Delegate(supply))
	chain := harnesstest.Build(t, h, harness.Cascade(2), harnesstest.StopsAt(2, idmap.OpCreate, idmap.OutsideParent))
	assert.Len(t, chain.Levels, 1, "the levels before the stop are still there")
}
