package idmap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// incus returns an Incus daemon with newuidmap.
func incus(d idmap.Delegation) idmap.Daemon {
	return idmap.Daemon{Flavor: idmap.Incus, Delegation: d, ShadowTools: true}
}

func text(lines string) idmap.Delegation {
	return idmap.Delegation{UID: idmap.File{Text: lines}, GID: idmap.File{Text: lines}}
}

func TestTheFirstProblemInTheFilesDecides(t *testing.T) {
	good, none, bad := idmap.File{Text: "root:500000:65536\n"}, idmap.File{}, idmap.File{Text: "root\n"}
	small, missing := idmap.File{Text: "root:500000:65535\n"}, idmap.File{Missing: true}
	const byDefault, malformed, disagree, nothing = "default", "subid file malformed", "only uids", "no allocation"
	for _, c := range []struct {
		uid, gid   idmap.File
		lxd, incus string
	}{
		{good, good, "both", "both"},
		{missing, good, byDefault, byDefault},
		{good, missing, byDefault, byDefault},
		{missing, bad, byDefault, byDefault},
		{bad, good, malformed, malformed},
		{good, bad, malformed, malformed},
		{none, bad, byDefault, nothing}, // decided before subgid is read
		{bad, none, malformed, malformed},
		{good, none, byDefault, nothing},
		{none, none, byDefault, nothing},
		{small, none, byDefault, nothing},
		{small, bad, malformed, malformed},
		{good, small, disagree, disagree},
		{small, small, nothing, nothing},
	} {
		for flavor, want := range map[idmap.Flavor]string{idmap.LXD: c.lxd, "lxd-5.0.2": c.lxd, idmap.Incus: c.incus} {
			d := idmap.Daemon{Flavor: flavor, ShadowTools: true, Delegation: idmap.Delegation{UID: c.uid, GID: c.gid}}
			choice := d.Choose(idmap.Identity())
			got := string(choice.Reason)
			switch {
			case choice.Reason != idmap.None:
				assert.Equal(t, idmap.Map{}, choice.Map)
				assert.NotEmpty(t, choice.Why)
			case choice.Default:
				got = byDefault
				assert.Equal(t, both(from0(1000000, 1000000000)), choice.Map)
				assert.NotEmpty(t, choice.Why)
			case len(choice.Map.GID) == 0:
				got = disagree
			default:
				got = "both"
				assert.Equal(t, both(from0(500000, 65536)), choice.Map)
			}
			assert.Equal(t, want, got, "%s: subuid %s, subgid %s", flavor, c.uid, c.gid)
		}
	}
}

func TestAMalformedFileBesideAMissingOneCountsSinceLXD68(t *testing.T) {
	files := idmap.Delegation{UID: idmap.File{Text: "root\n"}, GID: idmap.File{Missing: true}}
	for flavor, want := range map[idmap.Flavor]idmap.Reason{"lxd-5.0.2": idmap.None, "lxd-6.7": idmap.None, "lxd-6.8": idmap.SubIDMalformed, idmap.LXD: idmap.SubIDMalformed, idmap.Incus: idmap.None} {
		choice := idmap.Daemon{Flavor: flavor, ShadowTools: true, Delegation: files}.Choose(idmap.Identity())
		assert.Equal(t, want, choice.Reason, flavor)
		assert.Equal(t, want == idmap.None, choice.Default, flavor)
	}
}

func TestAChoiceSaysWhy(t *testing.T) {
	why := func(f idmap.Flavor, tools bool, uid, gid idmap.File) string {
		return idmap.Daemon{Flavor: f, ShadowTools: tools, Delegation: idmap.Delegation{UID: uid, GID: gid}}.Choose(idmap.Identity()).Why
	}
	good := idmap.File{Text: "root:500000:65536\n"}
	assert.Equal(t, "/etc/subgid is missing", why(idmap.LXD, true, good, idmap.File{Missing: true}))
	assert.Equal(t, "/etc/subuid has no line for root", why(idmap.LXD, true, idmap.File{}, good))
	assert.Equal(t, "/etc/subgid line 2 is malformed", why(idmap.LXD, true, good, idmap.File{Text: "\n \n"}))
	small := idmap.NewFile(ofRoot(1, 5))
	assert.Equal(t, "/etc/subuid has no line for root with 65536 ids or more", why(idmap.LXD, true, small, good))
	assert.Equal(t, "/etc/subgid has no line for root with 65536 ids or more", why(idmap.LXD, true, small, small))
	assert.Equal(t, "the allocation is not in the map of the level itself", why(idmap.LXD, true, idmap.NewFile(ofRoot(4294967000, 65536)), good))
	assert.Equal(t, "newuidmap and newgidmap are missing", why(idmap.Incus, false, good, good))
	assert.Empty(t, why(idmap.Incus, true, good, good))
}

func TestIncusTakesEveryLargeLineAndTheKernelRefusesTwo(t *testing.T) {
	two := text("root:500000:65536\nroot:600000:65535\nroot:700000:65536\n")
	c := incus(two).Choose(idmap.Identity())
	assert.Equal(t, both([]idmap.Mapping{{Parent: 500000, Count: 65536}, {Parent: 700000, Count: 65536}}), c.Map)
	plan := idmap.Layout{Daemons: []idmap.Daemon{incus(two)}}.Plan()
	assert.Equal(t, "level 1, start: idmap invalid", plan.Stop.String())

	plan = idmap.Layout{Daemons: []idmap.Daemon{incus(text("root:500000:65536\nroot:500000:65536\n"))}}.Plan()
	assert.Nil(t, plan.Stop, "equal lines count once")
	assert.Equal(t, both(from0(500000, 65536)), plan.Levels[0].Map)
}

func TestIncusDoesNotCheckWhetherTheIDsExist(t *testing.T) {
	l := chain(idmap.Delegate(ofRoot(500000, 131072)), idmap.Delegate(ofRoot(65536, 65537)))
	l.Daemons[1].Flavor, l.Daemons[1].ShadowTools = idmap.Incus, true
	assert.Equal(t, "level 2, start: allocation outside the parent", l.Plan().Stop.String())
	l.Daemons[1].Flavor = idmap.LXD
	assert.Equal(t, "level 2, create: allocation outside the parent", l.Plan().Stop.String())
}

func TestWithoutNewuidmapIncusTakesTheLargestRunOfAtMostABillion(t *testing.T) {
	for name, c := range map[string]struct{ own, want []idmap.Mapping }{
		"a host":              {idmap.Identity().UID, from0(1000000, 1000000000)},
		"one block":           {from0(0, 65536), nil},
		"two less one":        {from0(0, 131071), nil},
		"two":                 {from0(0, 131072), from0(65536, 65536)},
		"three":               {from0(0, 196608), from0(65536, 131072)},
		"a million":           {from0(0, 1065535), from0(65536, 999999)},
		"a block above that":  {from0(0, 1065536), from0(1000000, 65536)}, // from 1000000 on, if a block fits there
		"the largest":         {lines([3]uint32{0, 7, 131072}, [3]uint32{200000, 500000, 70000}), from0(200000, 70000)},
		"the first of equals": {lines([3]uint32{0, 7, 131072}, [3]uint32{200000, 500000, 65536}), from0(65536, 65536)},
		"no neighbors joined": {lines([3]uint32{0, 7, 100000}, [3]uint32{100000, 500000, 60000}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			d := idmap.Daemon{Flavor: idmap.Incus}
			choice := d.Choose(both(c.own))
			if c.want == nil {
				assert.Equal(t, idmap.NoAllocation, choice.Reason)
				return
			}
			assert.Equal(t, both(c.want), choice.Map)
		})
	}
}

func TestWithIncusThreeBlocksReachDepthThreeWithoutFiles(t *testing.T) {
	d := incus(text("root:500000:196608\n"))
	depth, plan := d.Reach(idmap.Identity(), false)
	assert.Equal(t, 3, depth)
	assert.Equal(t, "level 4, create: no allocation", plan.Stop.String())
	assert.Equal(t, both(from0(631072, 65536)), plan.Levels[2].Host, "the article's ids")

	d.Flavor = idmap.LXD
	depth, _ = d.Reach(idmap.Identity(), false)
	assert.Equal(t, 2, depth)
}

func TestADaemonReachesAsDeepAsItsIDsGo(t *testing.T) {
	for _, c := range []struct {
		count            uint32
		cascade, without int // expected depths with LXD
	}{{65535, 0, 0}, {65536, 1, 1}, {131071, 1, 1}, {131072, 2, 1}, {165536, 2, 1}, {165537, 2, 2}, {196608, 3, 2}, {265537, 4, 3}, {2097151, 31, 21}, {2097152, 32, 21}, {9999999, 32, 32}} {
		d := idmap.Daemon{Delegation: idmap.Delegate(ofRoot(500000, c.count)), ShadowTools: true}
		depth, plan := d.Reach(idmap.Identity(), true)
		assert.Equal(t, c.cascade, depth, "%d ids", c.count)
		assert.Equal(t, depth < idmap.MaxDepth, plan.Stop != nil)
		depth, _ = d.Reach(idmap.Identity(), false)
		assert.Equal(t, c.without, depth, "%d ids, no files", c.count)
	}
}

func TestARecipeIsEnoughAndOneIDLessIsNot(t *testing.T) {
	for _, f := range flavors {
		for depth := 1; depth <= idmap.MaxDepth; depth++ {
			for _, isolated := range []bool{false, true} {
				name := fmt.Sprintf("%s, depth %d, isolated %t", f, depth, isolated)
				r, err := idmap.NewRecipe(idmap.Need{Depth: depth, Owner: "root", Start: 500000, Flavor: f, Isolated: isolated})
				require.NoError(t, err)
				l := r.Layout()
				p := l.Plan()
				assert.Nil(t, p.Stop, name)
				assert.Len(t, p.Levels, depth)
				less := r.Host
				less.Count--
				l.Daemons[0].Delegation = idmap.Delegate(less)
				assert.NotNil(t, l.Plan().Stop, name)
			}
		}
	}
	r, err := idmap.NewRecipe(idmap.Need{Depth: 3, Owner: "root", Start: 500000, Flavor: idmap.LXD})
	require.NoError(t, err)
	assert.Equal(t, "root:500000:196608", r.Host.String())
	_, err = idmap.NewRecipe(idmap.Need{Depth: 3, Owner: "root", Start: 4294770687, Flavor: idmap.LXD})
	require.NoError(t, err)
	_, err = idmap.NewRecipe(idmap.Need{Depth: 3, Owner: "root", Start: 4294770688, Flavor: idmap.LXD})
	assert.EqualError(t, err, "start 4294770688: depth 3 needs 196608 ids, so the last would be 4294967295, but ids end at 4294967294; start lower")
}

func TestARecipeHasTheIDThatItsLastLevelNeeds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := idmap.Need{
			Depth: rapid.IntRange(1, 4).Draw(t, "depth"), Owner: idmap.Root, Start: 500000,
			Flavor: rapid.SampledFrom(flavors).Draw(t, "flavor"), Isolated: rapid.Bool().Draw(t, "isolated"), ID: rapid.Uint32Max(1<<31).Draw(t, "id"),
		}
		r, err := idmap.NewRecipe(n)
		require.NoError(t, err)
		p := r.Layout().Plan()
		require.Nil(t, p.Stop)
		last := p.Levels[n.Depth-1].Map
		require.Equal(t, max(uint64(n.ID)+1, idmap.Block), idmap.Count(last.UID), "all ids up to that one, and no more")
	})
}

func TestAnIDIsTranslatedUpAndDown(t *testing.T) {
	levels := [][]idmap.Mapping{from0(500000, 196608), from0(65536, 131072), from0(65536, 65536)}
	ids, ok := idmap.TranslateUp(levels, 1000)
	assert.True(t, ok)
	assert.Equal(t, []uint32{632072, 132072, 66536, 1000}, ids)
	assert.Equal(t, []uint32{632072, 132072, 66536, 1000}, idmap.TranslateDown(levels, 632072))
	_, ok = idmap.TranslateUp(levels, 65536)
	assert.False(t, ok)
	assert.Equal(t, []uint32{565535, 65535}, idmap.TranslateDown(levels, 565535), "level 1 keeps it")
	assert.Equal(t, []uint32{499999}, idmap.TranslateDown(levels, 499999))
}
