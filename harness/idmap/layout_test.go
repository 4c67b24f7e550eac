package idmap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

func TestARangeMustNotSpanAHoleInTheHostsIDs(t *testing.T) {
	holed := both(lines([3]uint32{0, 1000000, 65536}, [3]uint32{65537, 2000000, 131072}))
	for a, stop := range map[idmap.Allocation]string{
		ofRoot(0, 65536):      "none",
		ofRoot(65537, 131072): "none",
		ofRoot(0, 65537):      "level 1, create: allocation outside the parent",
		ofRoot(0, 196609):     "level 1, create: allocation outside the parent", // its first and last id exist
		ofRoot(65535, 65538):  "level 1, create: allocation outside the parent",
		ofRoot(65536, 65536):  "level 1, create: allocation outside the parent",
		ofRoot(65537, 131073): "level 1, create: allocation outside the parent",
	} {
		l := chain(idmap.Delegate(a))
		l.Host = holed
		assert.Equal(t, stop, l.Plan().Stop.String(), a)
	}
}

func TestARangeAcrossTwoHostLinesFailsAtStart(t *testing.T) {
	// LXD joins adjacent ranges and accepts the map; the kernel does not join them and refuses
	// it.
	for _, d := range []idmap.Delegation{idmap.Delegate(ofRoot(0, 131072)), {}} {
		l := chain(d)
		l.Host = both(lines([3]uint32{131072, 700000, 65536}, [3]uint32{0, 100000, 65536}, [3]uint32{65536, 300000, 65536}))
		assert.Equal(t, "level 1, start: allocation outside the parent", l.Plan().Stop.String())
	}
}

func TestAHostWithAllIDsInPiecesTakesTheDefaultOfAHost(t *testing.T) {
	l := chain(idmap.Delegation{})
	l.Host = both(lines([3]uint32{0, 1, 2000000000}, [3]uint32{2000000000, 2000000001, 2294967294}, [3]uint32{4294967294, 0, 1}))
	p := l.Plan()
	require.Nil(t, p.Stop)
	assert.Equal(t, both(from0(1000000, 1000000000)), p.Levels[0].Map)
}

func TestAHostThatIsAContainerPassesItsOwnIDsOn(t *testing.T) {
	l := recipeChain(65536, 131072, 2)
	l.Host = both(from0(500000, 196608))
	p := l.Plan()
	require.Nil(t, p.Stop)
	assert.Equal(t, both(from0(65536, 131072)), p.Levels[0].Map)
	assert.Equal(t, both(from0(565536, 131072)), p.Levels[0].Host)
	assert.Equal(t, both(from0(631072, 65536)), p.Levels[1].Host)
}

func TestAnEmptyHostHasAllIDs(t *testing.T) {
	l := recipeChain(500000, 196608, 3)
	want := l.Plan()
	l.Host = idmap.Map{}
	assert.Equal(t, want, l.Plan())
}

func TestAChainDeeperThanRoomFailsAtStart(t *testing.T) {
	for _, room := range []int{31, 32} {
		l := recipeChain(500000, idmap.Needed(33), 33)
		l.Room = room
		p := l.Plan()
		assert.Equal(t, fmt.Sprintf("level %d, start: depth limit of the kernel", room+1), p.Stop.String())
		assert.Len(t, p.Levels, room)

		l.Daemons = l.Daemons[:room]
		assert.Nil(t, l.Plan().Stop, "a chain as deep as Room is complete")
	}
}

func TestMissingIDsAreReportedBeforeTheDepthLimit(t *testing.T) {
	l := chain(idmap.Delegate(ofRoot(500000, 65536)), idmap.Delegation{})
	l.Room = 1
	assert.Equal(t, "level 2, create: no allocation", l.Plan().Stop.String())
}

func TestNewuidmapRefusesTheDefaultAndNothingElse(t *testing.T) {
	line := []idmap.Allocation{ofRoot(500000, 196608)}
	for name, c := range map[string]struct {
		d    idmap.Delegation
		stop string
	}{
		"both files grant":    {idmap.Delegate(line...), "none"},
		"no file grants":      {idmap.Delegation{}, "level 1, start: refused by newuidmap"},
		"only subuid grants":  {idmap.Delegation{UID: idmap.NewFile(line...)}, "level 1, start: refused by newuidmap"},
		"only subgid grants":  {idmap.Delegation{GID: idmap.NewFile(line...)}, "level 1, start: refused by newuidmap"},
		"neither grants much": {idmap.Delegate(ofRoot(500000, 65535)), "level 1, create: no allocation"},
	} {
		t.Run(name, func(t *testing.T) {
			l := chain(c.d)
			l.Daemons[0].ShadowTools = true
			assert.Equal(t, c.stop, l.Plan().Stop.String())
		})
	}

	// The tools of the level that creates the container count.
	l := chain(idmap.Delegate(line...), idmap.Delegation{})
	l.Daemons[0].ShadowTools = true
	assert.Nil(t, l.Plan().Stop)
	l.Daemons[1].ShadowTools = true
	assert.Equal(t, "level 2, start: refused by newuidmap", l.Plan().Stop.String())
}

func TestFileCapabilitiesAreKeptIfTheLXDAboveHasUID1000000(t *testing.T) {
	all, few := []idmap.Allocation{ofRoot(500000, 1000001)}, []idmap.Allocation{ofRoot(500000, 1000000)}
	for name, c := range map[string]struct {
		first, second idmap.Delegation
		want          []bool
	}{
		"the id is the last of level 1":      {idmap.Delegate(all...), idmap.Delegate(ofRoot(0, 1000001)), []bool{true, true, true}},
		"level 1 is one id short":            {idmap.Delegate(few...), idmap.Delegate(ofRoot(0, 1000000)), []bool{true, false, false}},
		"level 2 does not have the id":       {idmap.Delegate(all...), idmap.Delegate(ofRoot(1, 1000000)), []bool{true, true, false}},
		"uids decide if gids do not have it": {idmap.Delegation{UID: idmap.NewFile(all...), GID: idmap.NewFile(few...)}, idmap.Delegate(ofRoot(0, 65536)), []bool{true, true, false}},
		"uids decide if only gids have it":   {idmap.Delegation{UID: idmap.NewFile(few...), GID: idmap.NewFile(all...)}, idmap.Delegate(ofRoot(0, 65536)), []bool{true, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			p := chain(c.first, c.second, idmap.Delegate(ofRoot(0, 65536))).Plan()
			require.Nil(t, p.Stop)
			var got []bool
			for _, level := range p.Levels {
				got = append(got, level.FileCaps)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAChainWithoutDaemonsIsEmpty(t *testing.T) {
	assert.Equal(t, idmap.Plan{}, idmap.Layout{}.Plan())
}

// drawLayout draws chains with numbers at the edges of the rules. Many of them come up for some
// levels and then stop, for various reasons.
func drawLayout(t *rapid.T) idmap.Layout {
	seldom := rapid.SampledFrom([]bool{false, false, false, false, false, true})
	l := idmap.Layout{Room: rapid.SampledFrom([]int{32, 31, 4, 2, 1}).Draw(t, "room")}
	if rapid.Bool().Draw(t, "in a container") {
		l.Host = both(drawMappings(t, "host", 2000000, idmap.MaxID))
		if seldom.Draw(t, "host gids differ") {
			l.Host.GID = drawMappings(t, "host gids", 2000000, idmap.MaxID)
		}
	}
	for left := rapid.IntRange(0, 6).Draw(t, "depth"); left > 0; left-- {
		allocation := rapid.Custom(func(t *rapid.T) idmap.Allocation {
			a := ofRoot(idmap.Block, idmap.Needed(left))
			if seldom.Draw(t, "other owner") {
				a.Owner = rapid.SampledFrom([]string{"ROOT", "lxd"}).Draw(t, "owner")
			}
			if seldom.Draw(t, "other start") {
				a.Start = rapid.SampledFrom([]uint32{0, 65535, 65537, 100000}).Draw(t, "start")
			}
			if seldom.Draw(t, "other count") {
				a.Count = rapid.SampledFrom([]uint32{a.Count - 1, a.Count + 1, 65536, 200000, 1000001}).Draw(t, "count")
			}
			return a
		})
		file := rapid.SliceOfN(allocation, 1, 3)
		d := idmap.Delegate(file.Draw(t, "subuid")...)
		if seldom.Draw(t, "gids differ") {
			d.GID = idmap.NewFile(file.Draw(t, "subgid")...)
		}
		if seldom.Draw(t, "no subuid") {
			d.UID = idmap.File{}
		}
		l.Daemons = append(l.Daemons, idmap.Daemon{Delegation: d, ShadowTools: seldom.Draw(t, "newuidmap")})
	}
	return l
}
