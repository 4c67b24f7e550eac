package idmap_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// recipeChain returns a chain of the given depth by the recipe of the article, on a host whose
// root has ids from start on.
func recipeChain(start, ids uint32, depth int) idmap.Layout {
	return chain(append([]idmap.Delegation{idmap.Delegate(ofRoot(start, ids))}, idmap.Cascade(depth)...)...)
}

func TestTheArticlesChainComesUpWithItsHostIDs(t *testing.T) {
	want := idmap.Plan{Levels: []idmap.PlannedLevel{
		{Level: 1, Map: both(from0(500000, 196608)), Host: both(from0(500000, 196608)), FileCaps: true},
		{Level: 2, Map: both(from0(65536, 131072)), Host: both(from0(565536, 131072))},
		{Level: 3, Map: both(from0(65536, 65536)), Host: both(from0(631072, 65536))},
	}}
	files := []idmap.Delegation{
		idmap.Delegate(ofRoot(500000, 196608)), idmap.Delegate(ofRoot(65536, 131072)), idmap.Delegate(ofRoot(65536, 65536)),
	}
	assert.Equal(t, want.Levels, chain(files...).Plan().Levels)
	assert.Nil(t, chain(files...).Plan().Stop)
	assert.Equal(t, chain(files...).Plan(), recipeChain(500000, 196608, 3).Plan(), "the recipe gives the article's files")

	// Inside c3 no further level is possible, with or without files of its own.
	for last, reason := range map[idmap.Allocation]string{
		ofRoot(65536, 65536): "level 4, create: allocation outside the parent",
		owned("nobody", 1):   "level 4, create: no allocation",
	} {
		p := chain(append(files, idmap.Delegate(last))...).Plan()
		assert.Equal(t, want.Levels, p.Levels)
		assert.Equal(t, reason, p.Stop.String())
	}
}

func TestTheHostsIDsDecideTheDepth(t *testing.T) {
	for ids, deepest := range map[uint32]int{
		65535: 0, 65536: 1, 131071: 1, 131072: 2, 196607: 2, 196608: 3, 262144: 4,
	} {
		for depth := 1; depth <= 4; depth++ {
			t.Run(fmt.Sprintf("%d ids, depth %d", ids, depth), func(t *testing.T) {
				p := recipeChain(500000, ids, depth).Plan()
				switch {
				case depth <= deepest:
					assert.Nil(t, p.Stop)
					assert.Len(t, p.Levels, depth)
				case deepest == 0:
					assert.Equal(t, "level 1, create: no allocation", p.Stop.String())
				default: // level 1 delegates by the recipe, which is more than it has
					assert.Equal(t, "level 2, create: allocation outside the parent", p.Stop.String())
				}
			})
		}
	}
}

func TestAChainStopsWhereTheIDsEnd(t *testing.T) {
	for name, c := range map[string]struct {
		down []idmap.Allocation
		stop string
	}{
		"one id short of a second block": {
			[]idmap.Allocation{ofRoot(500000, 131071), ofRoot(65536, 65535)}, "level 2, create: no allocation",
		},
		"one id short of a third": {
			[]idmap.Allocation{ofRoot(500000, 196607), ofRoot(65536, 131071), ofRoot(65536, 65535)},
			"level 3, create: no allocation",
		},
		"the last id is delegated": {
			[]idmap.Allocation{ofRoot(500000, 131072), ofRoot(65536, 65536)}, "none",
		},
		"one id past the last is delegated": {
			[]idmap.Allocation{ofRoot(500000, 131072), ofRoot(65537, 65536)},
			"level 2, create: allocation outside the parent",
		},
		"ids far above the last are delegated": {
			[]idmap.Allocation{ofRoot(500000, 131072), ofRoot(500000, 65536)},
			"level 2, create: allocation outside the parent",
		},
		"a level delegates all of its own ids": {
			[]idmap.Allocation{ofRoot(500000, 65536), ofRoot(0, 65536), ofRoot(0, 65536)}, "none",
		},
		"the last ids of all": {[]idmap.Allocation{ofRoot(4294901759, 65536)}, "none"},
		"the invalid id":      {[]idmap.Allocation{ofRoot(4294901760, 65536)}, "level 1, create: allocation outside the parent"},
	} {
		t.Run(name, func(t *testing.T) {
			var down []idmap.Delegation
			for _, a := range c.down {
				down = append(down, idmap.Delegate(a))
			}
			assert.Equal(t, c.stop, chain(down...).Plan().Stop.String())
		})
	}
}

func TestUIDsAndGIDsMayDiffer(t *testing.T) {
	uid, gid := []idmap.Allocation{ofRoot(500000, 131072)}, []idmap.Allocation{ofRoot(900000, 200000)}
	inUID, inGID := []idmap.Allocation{ofRoot(65536, 65536)}, []idmap.Allocation{ofRoot(100000, 100000)}
	tooFar, small := []idmap.Allocation{ofRoot(65536, 65537)}, []idmap.Allocation{ofRoot(65536, 65535)}

	p := chain(idmap.Delegation{UID: idmap.NewFile(uid...), GID: idmap.NewFile(gid...)}, idmap.Delegation{UID: idmap.NewFile(inUID...), GID: idmap.NewFile(inGID...)}).Plan()
	require.Nil(t, p.Stop)
	assert.Equal(t, idmap.Map{UID: from0(65536, 65536), GID: from0(100000, 100000)}, p.Levels[1].Map)
	assert.Equal(t, idmap.Map{UID: from0(565536, 65536), GID: from0(1000000, 100000)}, p.Levels[1].Host)

	for name, c := range map[string]struct {
		d    idmap.Delegation
		stop string
	}{
		"uids outside": {idmap.Delegation{UID: idmap.NewFile(tooFar...), GID: idmap.NewFile(inGID...)}, "level 2, create: allocation outside the parent"},
		"gids outside": {idmap.Delegation{UID: idmap.NewFile(inUID...), GID: idmap.NewFile(ofRoot(100000, 100001))}, "level 2, create: allocation outside the parent"},
		// LXD accepts a map without uids or without gids; the container then has no root to
		// start as.
		"uids too few": {idmap.Delegation{UID: idmap.NewFile(small...), GID: idmap.NewFile(inGID...)}, "level 2, start: uid and gid disagree"},
		"gids too few": {idmap.Delegation{UID: idmap.NewFile(inUID...), GID: idmap.NewFile(small...)}, "level 2, start: uid and gid disagree"},
		"both too few": {idmap.Delegation{UID: idmap.NewFile(small...), GID: idmap.NewFile(small...)}, "level 2, create: no allocation"},
		"uids too few, gids outside": {
			idmap.Delegation{UID: idmap.NewFile(small...), GID: idmap.NewFile(ofRoot(200000, 65536))},
			"level 2, create: allocation outside the parent",
		},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.stop, chain(idmap.Delegation{UID: idmap.NewFile(uid...), GID: idmap.NewFile(gid...)}, c.d).Plan().Stop.String())
		})
	}

	// The same with the default map: enough uids, not enough gids.
	p = chain(idmap.Delegation{UID: idmap.NewFile(gid...), GID: idmap.NewFile(uid...)}, idmap.Delegation{}).Plan()
	assert.Equal(t, "level 2, start: uid and gid disagree", p.Stop.String())
}

func TestEveryPlannedLevelLiesInsideItsParent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		own, host := l.Host, l.Host
		if len(own.UID) == 0 {
			own, host = idmap.Identity(), idmap.Identity()
		}
		for _, level := range l.Plan().Levels {
			for _, k := range []struct{ child, own, childHost, host []idmap.Mapping }{
				{level.Map.UID, own.UID, level.Host.UID, host.UID},
				{level.Map.GID, own.GID, level.Host.GID, host.GID},
			} {
				require.NotEmpty(t, k.child)
				for _, m := range k.child {
					require.True(t, holds(k.own, false, m.Parent, m.Count), "level %d: %v in %v", level.Level, m, k.own)
					require.True(t, holds(k.childHost, false, m.Inside, m.Count), "level %d: %v loses ids", level.Level, m)
					require.GreaterOrEqual(t, m.Count, uint32(idmap.Block))
				}
				for _, m := range k.childHost {
					require.True(t, holds(k.host, true, m.Parent, m.Count), "level %d: host ids %v in %v", level.Level, m, k.host)
				}
			}
			own, host = level.Map, level.Host
		}
	})
}

func TestAStopAtALevelLeavesExactlyTheLevelsAboveIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		p := l.Plan()
		want := len(l.Daemons)
		if p.Stop != nil {
			want = p.Stop.Level - 1
			require.Contains(t, idmap.Reasons(), p.Stop.Reason)
		}
		require.Len(t, p.Levels, want)
		require.LessOrEqual(t, want, l.Room)
		for i, level := range p.Levels {
			require.Equal(t, i+1, level.Level)
		}

		// A chain without the remaining levels must have the same plan.
		l.Daemons = slices.Clone(l.Daemons[:want])
		require.Equal(t, idmap.Plan{Levels: p.Levels, Warnings: p.Warnings}, l.Plan())
	})
}

func TestACascadeNeedsExactlyNeededIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(1, 32).Draw(t, "depth")
		ids := idmap.Needed(depth)
		last := idmap.MaxID + 1 - ids
		start := rapid.OneOf(rapid.Uint32Range(0, last), rapid.Just(last)).Draw(t, "start")
		plan := func(ids uint32) idmap.Plan {
			l := recipeChain(start, ids, depth)
			l.Room = 32
			return l.Plan()
		}
		p := plan(ids)
		require.Nil(t, p.Stop)
		require.Len(t, p.Levels, depth)
		bottom := from0(start+ids-idmap.Block, idmap.Block)
		require.Equal(t, both(bottom), p.Levels[depth-1].Host, "the last level has the last block")

		require.NotNil(t, plan(ids-1).Stop)
	})
}
