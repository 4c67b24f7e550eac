package harness_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// mapped returns a map with one line, for uids and gids alike.
func mapped(parent, count uint32) idmap.Map {
	m := []idmap.Mapping{{Inside: 0, Parent: parent, Count: count}}
	return idmap.Map{UID: m, GID: m}
}

// article returns the plan of the first levels, at most three, of the article's chain.
func article(depth int, stop *idmap.Stop) idmap.Plan {
	return idmap.Plan{Stop: stop, Levels: []idmap.PlannedLevel{
		{Level: 1, Map: mapped(500000, 196608), Host: mapped(500000, 196608), FileCaps: true},
		{Level: 2, Map: mapped(65536, 131072), Host: mapped(565536, 131072)},
		{Level: 3, Map: mapped(65536, 65536), Host: mapped(631072, 65536)},
	}[:depth]}
}

func TestAnOutcomeAsPlannedIsNoContradiction(t *testing.T) {
	stop := idmap.Stop{Level: 3, Op: idmap.OpCreate, Reason: idmap.NoAllocation}
	again := stop
	require.NoError(t, harness.Contradiction(idmap.Plan{}, idmap.Plan{}))
	require.NoError(t, harness.Contradiction(article(3, nil), article(3, nil)))
	require.NoError(t, harness.Contradiction(article(2, &stop), article(2, &again)), "equal stops, not the same")

	found := article(3, nil)
	found.Levels[0].FileCaps = false // an outcome has none
	require.NoError(t, harness.Contradiction(article(3, nil), found))
}

func TestAContradictionShowsOnlyLinesThatDiffer(t *testing.T) {
	found := article(3, nil)
	found.Levels[1].Map.GID = []idmap.Mapping{{Inside: 0, Parent: 100000, Count: 96608}}
	err := harness.Contradiction(article(3, nil), found)
	require.EqualError(t, err, `LXD contradicts the plan:
  planned: level 2, gid map (inside parent count) 0 65536 131072, on the host 0 565536 131072
  found:   level 2, gid map (inside parent count) 0 100000 96608, on the host 0 565536 131072`)
}

func TestADifferenceOnTheHostAloneIsAContradiction(t *testing.T) {
	found := article(1, nil)
	found.Levels[0].Host.UID = []idmap.Mapping{{Inside: 0, Parent: 500001, Count: 196608}}
	err := harness.Contradiction(article(1, nil), found)
	require.EqualError(t, err, `LXD contradicts the plan:
  planned: level 1, uid map (inside parent count) 0 500000 196608, on the host 0 500000 196608
  found:   level 1, uid map (inside parent count) 0 500000 196608, on the host 0 500001 196608`)
}

func TestAStopThatWasNotPlannedIsAContradiction(t *testing.T) {
	at := func(level int, op idmap.Op, reason idmap.Reason) *idmap.Stop {
		return &idmap.Stop{Level: level, Op: op, Reason: reason}
	}
	planned := at(3, idmap.OpCreate, idmap.NoAllocation)
	for want, stop := range map[string]*idmap.Stop{
		"none":                              nil,
		"level 2, create: no allocation":    at(2, idmap.OpCreate, idmap.NoAllocation),
		"level 3, start: no allocation":     at(3, idmap.OpStart, idmap.NoAllocation),
		"level 3, create: unclassified":     at(3, idmap.OpCreate, idmap.Unclassified),
		"level 33, ready: LXD does not run": at(33, idmap.OpReady, idmap.DaemonDied),
	} {
		err := harness.Contradiction(article(2, planned), article(2, stop))
		require.EqualError(t, err,
			"LXD contradicts the plan:\n  planned: stop: level 3, create: no allocation\n  found:   stop: "+want)
	}
}

func TestAnExtraOrMissingLevelIsAContradiction(t *testing.T) {
	stop := &idmap.Stop{Level: 3, Op: idmap.OpCreate, Reason: idmap.NoAllocation}
	more := harness.Contradiction(article(2, stop), article(3, nil))
	require.Error(t, more)
	assert.Contains(t, more.Error(), "planned: stop: level 3, create: no allocation")
	assert.Contains(t, more.Error(), "found:   level 3, uid map")
	assert.Contains(t, more.Error(), "planned: nothing")
	assert.Contains(t, more.Error(), "found:   stop: none")
	fewer := harness.Contradiction(article(3, nil), article(2, stop))
	require.Error(t, fewer)
	assert.Contains(t, fewer.Error(), "planned: level 3, uid map")
	assert.Contains(t, fewer.Error(), "found:   stop: level 3, create: no allocation")
	assert.Contains(t, fewer.Error(), "found:   nothing")
}

func TestLinesWritesMappingsInOneLine(t *testing.T) {
	assert.Empty(t, harness.Lines(nil))
	assert.Equal(t, "0 65536 131072", harness.Lines([]idmap.Mapping{{Inside: 0, Parent: 65536, Count: 131072}}))
	assert.Equal(t, "0 65536 131072, 131072 4294967294 1", harness.Lines([]idmap.Mapping{
		{Inside: 0, Parent: 65536, Count: 131072}, {Inside: 131072, Parent: 4294967294, Count: 1},
	}))
}

func TestTwoOutcomesAreAContradictionExactlyWhereTheyDiffer(t *testing.T) {
	mappings := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) idmap.Mapping {
		return idmap.Mapping{
			Inside: rapid.Uint32Range(0, 2).Draw(t, "inside"), Parent: rapid.Uint32Range(0, 2).Draw(t, "parent"),
			Count: rapid.Uint32Range(1, 2).Draw(t, "count"),
		}
	}), 0, 2)
	maps := rapid.Custom(func(t *rapid.T) idmap.Map {
		return idmap.Map{UID: mappings.Draw(t, "uid"), GID: mappings.Draw(t, "gid")}
	})
	equal := func(a, b idmap.Map) bool { return slices.Equal(a.UID, b.UID) && slices.Equal(a.GID, b.GID) }
	rapid.Check(t, func(t *rapid.T) {
		var a, b idmap.Plan
		same := true
		for level := range rapid.IntRange(0, 4).Draw(t, "depth") {
			one := idmap.PlannedLevel{Level: level + 1, Map: maps.Draw(t, "map"), Host: maps.Draw(t, "host")}
			other := one
			if rapid.Bool().Draw(t, "differ") {
				other.Host = maps.Draw(t, "other host")
			}
			same = same && equal(one.Map, other.Map) && equal(one.Host, other.Host)
			a.Levels, b.Levels = append(a.Levels, one), append(b.Levels, other)
		}
		err := harness.Contradiction(a, b)
		assert.Equal(t, same, err == nil)
		if err != nil {
			assert.Equal(t, strings.Count(err.Error(), "planned: "), strings.Count(err.Error(), "found:   "))
		}
	})
}
