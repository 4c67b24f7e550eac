package harness_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// ofRoot returns a delegation with one line, for root.
func ofRoot(start, count uint32) idmap.Delegation {
	return idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: start, Count: count})
}

// room is how many pid namespaces a host leaves for levels: Linux nests 32, and the host is in
// one.
const room = 31

// onHost returns the traits of a host that does not run, for planning.
func onHost(d idmap.Delegation, shadow bool) host.Traits {
	b := &bundle.Bundle{ShadowTools: shadow}
	return host.Traits{Delegation: d, Bundle: b, Daemon: b, Map: idmap.Identity(), Room: room}
}

func TestACascadeIsTheArticlesChain(t *testing.T) {
	s := harness.Cascade(3)
	require.NoError(t, s.Validate())
	require.Len(t, s.Levels, 3)
	assert.Equal(t, ofRoot(65536, 131072), *s.Levels[0].Delegation)
	assert.Equal(t, ofRoot(65536, 65536), *s.Levels[1].Delegation)
	assert.Nil(t, s.Levels[2].Delegation, "the deepest level has nothing left to delegate")

	plan := s.Plan(onHost(ofRoot(500000, 196608), true))
	assert.Nil(t, plan.Stop)
	require.Len(t, plan.Levels, 3)
	for i, want := range []idmap.Map{mapped(500000, 196608), mapped(565536, 131072), mapped(631072, 65536)} {
		assert.Equal(t, want, plan.Levels[i].Host)
	}
}

func TestLevelsBeyondTheListDelegateNothing(t *testing.T) {
	one, other := ofRoot(65536, 131072), ofRoot(65536, 65536)
	for depth, want := range map[int][]*idmap.Delegation{
		0: {}, 1: {&one}, 2: {&one, &other}, 4: {&one, &other, nil, nil},
	} {
		got := []*idmap.Delegation{}
		for _, l := range harness.Delegating(depth, []idmap.Delegation{one, other}).Levels {
			got = append(got, l.Delegation)
		}
		assert.Equal(t, want, got, "depth %d", depth)
	}
	for _, l := range harness.Delegating(3, nil).Levels {
		assert.Nil(t, l.Delegation)
	}
}

func TestADepthOutOfRangeIsRefused(t *testing.T) {
	for _, depth := range []int{1, 2, 32, 33} {
		require.NoError(t, harness.Spec{Levels: make([]harness.LevelSpec, depth)}.Validate())
	}
	require.EqualError(t, harness.Spec{}.Validate(), "depth 0: out of range; a chain has 1 to 33 levels")
	require.EqualError(t, harness.Delegating(34, nil).Validate(), "depth 34: out of range; a chain has 1 to 33 levels")

	chain, err := harness.Build(t.Context(), nil, harness.Spec{})
	require.EqualError(t, err, "depth 0: out of range; a chain has 1 to 33 levels")
	require.NoError(t, chain.Close(t.Context()), "a nil chain can be closed")
	assert.Nil(t, chain.Deepest())
}

func TestThePlanStopsWhereTheIDsEnd(t *testing.T) {
	// The host has one id less than the article's, and level 3 would need it.
	plan := harness.Cascade(3).Plan(onHost(ofRoot(500000, 196607), false))
	assert.Equal(t, &idmap.Stop{Level: 2, Op: idmap.OpCreate, Reason: idmap.OutsideParent}, plan.Stop)
	assert.Len(t, plan.Levels, 1)
}

func TestALevelWithoutADelegationHasEmptySubidFiles(t *testing.T) {
	plan := harness.Delegating(2, nil).Plan(onHost(ofRoot(500000, 196608), false))
	assert.Nil(t, plan.Stop)
	require.Len(t, plan.Levels, 2)
	assert.Equal(t, mapped(100000, 96608), plan.Levels[1].Map, "LXD's own choice: all it has from id 100000 on")
	assert.Equal(t, mapped(600000, 96608), plan.Levels[1].Host)
}

func TestShadowToolsAreThoseOfTheLevelAbove(t *testing.T) {
	with, without := &bundle.Bundle{ShadowTools: true}, &bundle.Bundle{}
	refused := &idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.ShadowRefused}
	for name, c := range map[string]struct {
		host           bool
		level1, level2 *bundle.Bundle
		want           *idmap.Stop
	}{
		"the host's, by default":        {true, nil, nil, refused},
		"none, by default":              {false, nil, nil, nil},
		"level 1's own":                 {false, with, nil, refused},
		"level 1's own, without":        {true, without, nil, nil},
		"not those of the level itself": {false, nil, with, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := harness.Delegating(2, nil) // so that LXD in level 1 picks its default, which newuidmap refuses
			s.Levels[0].Bundle, s.Levels[1].Bundle = c.level1, c.level2
			assert.Equal(t, c.want, s.Plan(onHost(ofRoot(500000, 196608), c.host)).Stop)
		})
	}
}

func TestAHostInAContainerPlansWithItsOwnMap(t *testing.T) {
	h := onHost(ofRoot(65536, 65536), false)
	h.Map = mapped(1000000, 131072)
	plan := harness.Cascade(1).Plan(h)
	assert.Nil(t, plan.Stop)
	require.Len(t, plan.Levels, 1)
	assert.Equal(t, mapped(65536, 65536), plan.Levels[0].Map)
	assert.Equal(t, mapped(1065536, 65536), plan.Levels[0].Host)
}

func TestACascadeWithEnoughIDsStopsOnlyAtTheKernelsLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(1, harness.MaxDepth).Draw(t, "depth")
		start := rapid.Uint32Range(65536, idmap.MaxID-idmap.Needed(harness.MaxDepth)).Draw(t, "start")
		plan := harness.Cascade(depth).Plan(onHost(ofRoot(start, idmap.Needed(depth)), rapid.Bool().Draw(t, "shadow")))
		if depth <= room {
			assert.Nil(t, plan.Stop)
			assert.Len(t, plan.Levels, depth)
			return
		}
		assert.Equal(t, &idmap.Stop{Level: room + 1, Op: idmap.OpStart, Reason: idmap.DepthLimit}, plan.Stop)
		assert.Len(t, plan.Levels, room)
	})
}

func TestChangesToARunningLevelAffectTheNextLevel(t *testing.T) {
	removed, set := map[string]string{idmap.KeyNesting: ""}, map[string]string{idmap.KeyNesting: "true"}
	for name, c := range map[string]struct {
		config map[string]string
		live   harness.Live
		lxcfs  bool
		stop   string
	}{
		"nothing":                    {nil, harness.Live{}, false, "none"},
		"lxcfs":                      {nil, harness.Live{}, true, "none"},
		"without the flag":           {removed, harness.Live{}, false, "level 2, start: nesting not allowed"},
		"set while it runs":          {removed, harness.Live{Config: set}, false, "level 2, start: nesting not allowed"},
		"set before a restart":       {removed, harness.Live{Config: set, Restart: true}, false, "none"},
		"removed while it runs":      {nil, harness.Live{Config: removed}, false, "none"},
		"removed before a restart":   {nil, harness.Live{Config: removed, Restart: true}, false, "level 2, start: nesting not allowed"},
		"uncovered":                  {removed, harness.Live{Uncover: true}, false, "none"},
		"uncovered, but not lxcfs's": {removed, harness.Live{Uncover: true}, true, "level 2, start: nesting not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			s := harness.Cascade(2)
			s.LXCFS, s.Levels[0].Config, s.Levels[0].Live = c.lxcfs, c.config, c.live
			assert.Equal(t, c.stop, s.Plan(onHost(ofRoot(500000, 131072), true)).Stop.String())
			assert.Equal(t, c.config, s.Levels[0].Config, "a plan changes nothing")
		})
	}
}

func TestARestartDoesNotRestoreLostFileCapabilities(t *testing.T) {
	for name, c := range map[string]struct {
		before, after string
		want          []bool
	}{
		"it becomes privileged":    {"", "true", []bool{true, false}},
		"it was privileged before": {"true", "", []bool{true, false}},
		"it stays privileged":      {"true", "true", []bool{true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			s := harness.Cascade(2)
			s.Levels[1].Config = map[string]string{idmap.KeyPrivileged: c.before}
			s.Levels[1].Live = harness.Live{Config: map[string]string{idmap.KeyPrivileged: c.after}, Restart: true}
			var got []bool
			for _, level := range s.Plan(onHost(ofRoot(500000, 131072), true)).Levels {
				got = append(got, level.FileCaps)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestALevelGetsUsrFromTheLevelAboveIfItRunsTheSameBundle(t *testing.T) {
	thin := func(key string) *bundle.Bundle {
		return &bundle.Bundle{Key: key, Thin: bundle.Image{Path: key + "/thin.tar"}}
	}
	one, other := thin("one"), thin("other")
	for name, c := range map[string]struct {
		daemon *bundle.Bundle // of the host
		levels []*bundle.Bundle
		whole  bool
		wanted []bool
	}{
		"all run the same":               {one, []*bundle.Bundle{nil, nil, nil}, false, []bool{true, true, true}},
		"one runs another":               {one, []*bundle.Bundle{nil, other, other}, false, []bool{true, false, true}},
		"they alternate":                 {one, []*bundle.Bundle{other, one, other}, false, []bool{false, false, false}},
		"an existing host":               {&bundle.Bundle{}, []*bundle.Bundle{nil, nil, nil}, false, []bool{false, true, true}},
		"every level has its own":        {one, []*bundle.Bundle{nil, nil, nil}, true, []bool{false, false, false}},
		"a bundle without a merged /usr": {one, []*bundle.Bundle{{Key: "one"}, nil, {Key: "one"}}, false, []bool{false, true, false}},
	} {
		h := onHost(ofRoot(500000, 196608), true)
		h.Bundle, h.Daemon = one, c.daemon
		s := harness.Cascade(len(c.levels))
		s.Whole = c.whole
		for i, b := range c.levels {
			s.Levels[i].Bundle = b
		}
		for i, wanted := range c.wanted {
			assert.Equal(t, wanted, s.Thin(h, i+1), "%s: level %d", name, i+1)
		}
	}
}
