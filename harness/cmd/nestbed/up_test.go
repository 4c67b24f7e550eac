package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness"
	"nestbed/harness/environment"
	"nestbed/harness/idmap"
)

// parsedFlags returns the flags of up, parsed from arguments.
func parsedFlags(t require.TestingT, args ...string) upFlags {
	cmd := newUp(environment.Machine{})
	require.NoError(t, cmd.ParseFlags(args))
	depth, err := cmd.Flags().GetInt("depth")
	require.NoError(t, err)
	text := func(name string) string {
		value, err := cmd.Flags().GetString(name)
		require.NoError(t, err)
		return value
	}
	whole, err := cmd.Flags().GetBool("whole")
	require.NoError(t, err)
	return upFlags{depth: depth, allocation: text("allocation"), bundle: text("bundle"), state: text("state"), whole: whole}
}

// ofRoot returns an allocation of root, the same for uids and gids.
func ofRoot(start, count uint32) idmap.Delegation {
	return idmap.Delegate(idmap.Allocation{Owner: "root", Start: start, Count: count})
}

func TestWithoutFlagsUpBuildsTheArticlesChain(t *testing.T) {
	f := parsedFlags(t)
	spec, allocation, err := f.parse()
	require.NoError(t, err)
	assert.Equal(t, ofRoot(500000, 196608), allocation)
	assert.Equal(t, harness.Cascade(3), spec)
	assert.Empty(t, f.bundle)
	assert.Empty(t, f.state)
}

func TestWithWholeEveryLevelHasItsOwnUsr(t *testing.T) {
	spec, _, err := parsedFlags(t, "--whole", "--depth", "2").parse()
	require.NoError(t, err)
	wanted := harness.Cascade(2)
	wanted.Whole = true
	assert.Equal(t, wanted, spec)
}

func TestADeeperChainGetsTheAllocationThatItNeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(1, harness.MaxDepth).Draw(t, "depth")
		spec, allocation, err := upFlags{depth: depth}.parse()
		require.NoError(t, err)
		assert.Equal(t, ofRoot(500000, uint32(depth)*65536), allocation)
		assert.Equal(t, harness.Cascade(depth), spec)
		assert.NoError(t, spec.Validate())
	})
}

func TestAGivenAllocationIsUsedUnchanged(t *testing.T) {
	for text, want := range map[string]idmap.Delegation{
		"root:500000:131072": ofRoot(500000, 131072), // too small for three levels, on purpose
		"root:0:1":           ofRoot(0, 1),
		"root:1:4294967294":  ofRoot(1, 4294967294),
		"lxd:500000:196608":  idmap.Delegate(idmap.Allocation{Owner: "lxd", Start: 500000, Count: 196608}),
	} {
		spec, allocation, err := parsedFlags(t, "--allocation", text).parse()
		require.NoError(t, err, text)
		assert.Equal(t, want, allocation)
		assert.Equal(t, harness.Cascade(3), spec, "the levels delegate what the depth needs")
	}
}

func TestADepthOutOfRangeIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.OneOf(rapid.IntMax(0), rapid.IntMin(harness.MaxDepth+1)).Draw(t, "depth")
		_, _, err := upFlags{depth: depth}.parse()
		require.ErrorContains(t, err, "out of range; a chain has 1 to 33 levels")
	})
}
