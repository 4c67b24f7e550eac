package idmap_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// configured returns the map of a container whose daemon chose three blocks from 500000 on.
func configured(f idmap.Flavor, config map[string]string) (idmap.Map, idmap.Reason) {
	return idmap.Daemon{Flavor: f, Config: config}.Container(both(from0(500000, 196608)), nil)
}

func rawConfig(lines ...string) map[string]string {
	return map[string]string{idmap.KeyRaw: strings.Join(lines, "\n")}
}

func TestRawIDMapPunchesHolesIntoTheMap(t *testing.T) {
	m, reason := configured(idmap.LXD, rawConfig("both 1000 1000"))
	assert.Equal(t, idmap.None, reason)
	assert.Equal(t, both(lines([3]uint32{0, 500000, 1000}, [3]uint32{1000, 1000, 1}, [3]uint32{1001, 501001, 195607})), m)

	m, reason = configured(idmap.LXD, rawConfig("uid 1000-1004 0-4", "gid 2000 300000"))
	assert.Equal(t, idmap.None, reason)
	assert.Equal(t, lines([3]uint32{0, 1000, 5}, [3]uint32{5, 500005, 196603}), m.UID)
	assert.Equal(t, lines([3]uint32{0, 500000, 196608}, [3]uint32{300000, 2000, 1}), m.GID)
}

func TestRawIDMapIsRefused(t *testing.T) {
	for line, want := range map[string]idmap.Reason{
		"both 1000 1000":              idmap.None,
		"":                            idmap.None,
		"both 1000  1000":             idmap.RawIDMapMalformed,
		"both 1000":                   idmap.RawIDMapMalformed,
		"all 1000 1000":               idmap.RawIDMapMalformed,
		"both 1000-1001 1000":         idmap.RawIDMapMalformed,
		"both 1000-1001-1002 1000":    idmap.RawIDMapMalformed,
		"both -1 1000":                idmap.RawIDMapMalformed,
		"both x 1000":                 idmap.RawIDMapMalformed,
		"both 500000 1000":            idmap.RawIDMapOverlaps,
		"both 696607 1000":            idmap.RawIDMapOverlaps,
		"both 696608 1000":            idmap.RawIDMapOverlaps, // LXD counts adjacent ranges as overlapping
		"both 696608 300000":          idmap.None,             // but checks only entries that intersects finds
		"both 499999 1000":            idmap.RawIDMapOverlaps,
		"both 1000 1000\nuid 1000 5":  idmap.None, // ranges of one id never intersect
		"both 1000-999 7-6":           idmap.None, // no ids at all: the kernel refuses it later
		"both 10-5 10-5":              idmap.MapInvalid,
		"both 1-2 7-8\nuid 2-3 10-11": idmap.RawIDMapOverlaps,
	} {
		_, reason := configured(idmap.LXD, rawConfig(line))
		assert.Equal(t, want, reason, "%q", line)
	}
}

func TestAnOverlapAtTheLastInsideIDIsMissed(t *testing.T) {
	m, reason := configured(idmap.LXD, rawConfig("both 1000 196607"))
	require.Equal(t, idmap.None, reason)
	assert.Equal(t, both(lines([3]uint32{0, 500000, 196608}, [3]uint32{196607, 1000, 1})), m)
	assert.ErrorIs(t, idmap.Accept(idmap.Identity().UID, m.UID), idmap.ErrInvalidMap)
}

func TestTheKernelCutsIDsTo32BitsAndNewuidmapRefusesThem(t *testing.T) {
	l := idmap.Layout{Daemons: []idmap.Daemon{{Delegation: idmap.Delegate(ofRoot(500000, 65536)), Config: rawConfig("both 4294968296 1000")}}}
	punched := lines([3]uint32{0, 500000, 1000}, [3]uint32{1000, 1000, 1}, [3]uint32{1001, 501001, 64535})
	assert.Equal(t, both(punched), l.Plan().Levels[0].Host)
	l.Daemons[0].ShadowTools = true
	l.Daemons[0].Delegation = text("root:500000:65536\nroot:1000:1\n")
	assert.Equal(t, "level 1, start: idmap invalid", l.Plan().Stop.String(), "no matter what subuid grants")

	// Not even the host's root, because liblxc does not recognize it.
	l.Daemons[0].Config = rawConfig("both 4294967296 0")
	assert.Equal(t, "level 1, start: idmap invalid", l.Plan().Stop.String())
	l.Daemons[0].ShadowTools = false
	root, _ := idmap.Up(l.Plan().Levels[0].Host.UID, 0)
	assert.Zero(t, root)
}

func TestLinesOfRawIDMapCutEachOther(t *testing.T) {
	config := rawConfig("both 1000-1009 1000-1009", "uid 2000-2001 1004-1005")
	uids := lines([3]uint32{0, 500000, 1000}, [3]uint32{1000, 1000, 4}, [3]uint32{1004, 2000, 2}, [3]uint32{1006, 1006, 4}, [3]uint32{1010, 501010, 195598})
	for _, f := range []idmap.Flavor{"lxd-5.0.3", "lxd-5.20", idmap.Incus} {
		m, reason := configured(f, config)
		require.Equal(t, idmap.None, reason)
		assert.Equal(t, uids, m.UID)
		// The line for uids also cuts a hole into the gids. The kernel keeps the order of five
		// lines.
		assert.Equal(t, lines([3]uint32{1000, 1000, 4}, [3]uint32{1006, 1006, 4}, [3]uint32{0, 500000, 1000}, [3]uint32{1004, 501004, 2}, [3]uint32{1010, 501010, 195598}), m.GID)
	}
	m, reason := configured(idmap.LXD, config)
	require.Equal(t, idmap.None, reason)
	assert.Equal(t, uids, m.UID)
	assert.Equal(t, lines([3]uint32{0, 500000, 1000}, [3]uint32{1000, 1000, 10}, [3]uint32{1010, 501010, 195598}), m.GID)
}

func TestAnIsolatedContainerStartsAfterTheFirstBlock(t *testing.T) {
	isolated := map[string]string{idmap.KeyIsolated: "true"}
	m, reason := configured(idmap.LXD, isolated)
	assert.Equal(t, idmap.None, reason)
	assert.Equal(t, both(from0(565536, 65536)), m)

	m, _ = configured(idmap.LXD, map[string]string{idmap.KeyIsolated: "ON", idmap.KeySize: "5", idmap.KeyBase: "7"})
	assert.Equal(t, both(from0(7, 5)), m, "a base is used as it is")

	for key, value := range map[string]string{idmap.KeyIsolated: "maybe", idmap.KeySize: "auto", idmap.KeyBase: "-1"} {
		_, reason = configured(idmap.LXD, map[string]string{key: value})
		assert.Equal(t, idmap.ConfigRefused, reason, key)
	}
}

func TestSizeWithoutIsolationAffectsOnlyIncus(t *testing.T) {
	size := map[string]string{idmap.KeySize: "70000"}
	m, _ := configured(idmap.LXD, size)
	assert.Equal(t, both(from0(500000, 196608)), m)
	m, _ = configured(idmap.Incus, size)
	assert.Equal(t, both(from0(500000, 70000)), m)
	m, _ = configured("incus-6.0.2", size)
	assert.Equal(t, both(from0(500000, 196608)), m, "since 6.0.3 and 6.7")
	m, _ = configured(idmap.Incus, map[string]string{idmap.KeySize: "200000"})
	assert.Equal(t, both(from0(500000, 196608)), m, "it is limited to the existing ids")
}

func TestIsolateFindsTheFirstFreeRange(t *testing.T) {
	const start = 500000
	at := func(block int) int64 { return start + int64(block)*idmap.Block }
	slot := func(block int) idmap.Slot { return idmap.Slot{Base: at(block), Count: idmap.Block} }
	for name, c := range map[string]struct {
		count      uint32
		siblings   []idmap.Slot
		lxd, incus int64 // 0: exhausted
	}{
		"two blocks":                    {131072, nil, 0, at(1)},
		"two blocks and an id":          {131073, nil, at(1), at(1)},
		"three, one taken":              {196608, []idmap.Slot{slot(1)}, 0, at(2)},
		"three and an id, one taken":    {196609, []idmap.Slot{slot(1)}, at(2), at(2)},
		"the second block is free":      {1000000, []idmap.Slot{slot(2)}, at(1), at(1)},
		"a gap of one block is skipped": {1000000, []idmap.Slot{slot(1), slot(3)}, at(4), at(4)},
		"a gap of two blocks is used":   {1000000, []idmap.Slot{slot(1), slot(4)}, at(2), at(2)},
		"in any order":                  {1000000, []idmap.Slot{slot(2), slot(1)}, at(3), at(3)},
		"a sibling without a base yet":  {1000000, []idmap.Slot{{Base: idmap.NoBase, Count: idmap.Block}}, idmap.Block, at(1)},
		"a sibling with base 0":         {1000000, []idmap.Slot{{Base: 0, Count: idmap.Block}}, idmap.Block, idmap.Block},
	} {
		for f, want := range map[idmap.Flavor]int64{idmap.LXD: c.lxd, "incus-6.0.4": c.incus, "incus-7.0.1": c.incus} {
			base, reason := idmap.Isolate(both(from0(start, c.count)), idmap.Block, c.siblings, f)
			assert.Equal(t, want, base, "%s: %s", name, f)
			assert.Equal(t, want == 0, reason == idmap.IsolatedExhausted)
		}
	}
}

func TestIsolateFollowsTheVersion(t *testing.T) {
	const start = 500000
	slot := func(block int64) idmap.Slot { return idmap.Slot{Base: start + block*idmap.Block, Count: idmap.Block} }
	for name, c := range map[string]struct {
		count    uint32
		siblings []idmap.Slot
		want     map[idmap.Flavor]int64
	}{
		"the last ids of the allocation": {131072, nil, map[idmap.Flavor]int64{"incus-6.0.2": 0, "incus-6.6": 0, "incus-6.0.3": 565536, "incus-6.7": 565536}},
		"a gap of exactly the size":      {1000000, []idmap.Slot{slot(1), slot(3)}, map[idmap.Flavor]int64{"incus-7.4": slot(4).Base, "incus-7.5": slot(2).Base, "incus-7.0.2": slot(2).Base, idmap.LXD: slot(4).Base}},
		"a sibling without a base yet":   {1000000, []idmap.Slot{{Base: idmap.NoBase, Count: idmap.Block}}, map[idmap.Flavor]int64{"incus-6.7": idmap.Block, "incus-6.8": 565536, "incus-6.0.3": 565536}},
	} {
		for f, want := range c.want {
			base, _ := idmap.Isolate(both(from0(start, c.count)), idmap.Block, c.siblings, f)
			assert.Equal(t, want, base, "%s: %s", name, f)
		}
	}
}

func TestSinceIncus702ABaseIsForContainersThatAreNotIsolated(t *testing.T) {
	for _, f := range []idmap.Flavor{"incus-7.0.2", "incus-7.5", idmap.Incus} {
		m, reason := configured(f, map[string]string{idmap.KeyBase: "600000"})
		assert.Equal(t, idmap.None, reason)
		assert.Equal(t, both(from0(600000, idmap.Block)), m)
		m, _ = configured(f, map[string]string{idmap.KeyBase: "2000000", idmap.KeySize: "70000"})
		assert.Equal(t, both(from0(2000000, 70000)), m, "allocated or not")
		_, reason = configured(f, map[string]string{idmap.KeyBase: "600000", idmap.KeyIsolated: "true"})
		assert.Equal(t, idmap.ConfigRefused, reason)
	}
	m, reason := configured("incus-7.0.1", map[string]string{idmap.KeyBase: "600000"})
	assert.Equal(t, idmap.None, reason)
	assert.Equal(t, both(from0(500000, 196608)), m)

	d := idmap.Daemon{Flavor: "incus-7.0.2", ShadowTools: true, Delegation: idmap.Delegate(ofRoot(500000, 500000))}
	family := idmap.Layout{}.Family(1, idmap.Identity(), idmap.Identity(), d)
	require.Nil(t, family.Create("placed", map[string]string{idmap.KeyBase: "570000", idmap.KeySize: "70000"}))
	require.Nil(t, family.Create("isolated", map[string]string{idmap.KeyIsolated: "true"}))
	level, stop := family.Start("isolated")
	require.Nil(t, stop)
	assert.Equal(t, both(from0(640000, idmap.Block)), level.Map, "behind the other's ids")
}

func TestIsolateUsesGIDsOnlyWithoutUIDs(t *testing.T) {
	_, reason := idmap.Isolate(idmap.Map{}, idmap.Block, nil, idmap.LXD)
	assert.Equal(t, idmap.IsolatedExhausted, reason)
	base, reason := idmap.Isolate(idmap.Map{GID: from0(500000, 196608)}, idmap.Block, nil, idmap.LXD)
	assert.Equal(t, idmap.None, reason)
	assert.EqualValues(t, 565536, base, "a map without uids uses the gids")
}

func TestIsolatedGIDsFollowTheUIDs(t *testing.T) {
	d := idmap.Delegation{UID: idmap.NewFile(ofRoot(500000, 196608)), GID: idmap.NewFile(ofRoot(900000, 196608))}
	l := idmap.Layout{Daemons: []idmap.Daemon{{Delegation: d, Config: map[string]string{idmap.KeyIsolated: "true"}}}}
	p := l.Plan()
	assert.Equal(t, both(from0(565536, 65536)), p.Levels[0].Map)
	l.Daemons[0].ShadowTools = true
	assert.Equal(t, "level 1, start: refused by newuidmap", l.Plan().Stop.String())
}

// checkContainer checks that every configuration can be planned without a panic, and that a
// container has a map unless it is refused.
func checkContainer(t *rapid.T) {
	number := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 300000), rapid.SampledFrom([]int64{500000, 565536, 696607, 696608, 4294967294, 4294967295}))
	line := rapid.Custom(func(t *rapid.T) string {
		a, b, n := number.Draw(t, "parent"), number.Draw(t, "inside"), rapid.Int64Range(0, 20).Draw(t, "more")
		kind := rapid.SampledFrom([]string{"both", "uid", "gid", "x"}).Draw(t, "kind")
		return kind + " " + span(a, n) + " " + span(b, n)
	})
	config := map[string]string{idmap.KeyRaw: strings.Join(rapid.SliceOfN(line, 0, 5).Draw(t, "raw"), "\n")}
	if rapid.Bool().Draw(t, "isolated") {
		config[idmap.KeyIsolated] = "true"
	}
	if rapid.Bool().Draw(t, "only isolated") {
		delete(config, idmap.KeyRaw)
	}
	few, many := from0(0, 165536), from0(0, 400000) // only many is large enough for the default map
	host := rapid.SampledFrom([]idmap.Map{{}, both(many), {UID: few, GID: many}, {UID: many, GID: few}}).Draw(t, "host")
	d := rapid.SampledFrom([]idmap.Delegation{{}, idmap.Delegate(ofRoot(500000, 196608)), {UID: idmap.NewFile(ofRoot(1, 5)), GID: idmap.NewFile(ofRoot(65536, 200000))}}).Draw(t, "files")
	for _, f := range flavors {
		m, reason := configured(f, config)
		require.Equal(t, reason == idmap.None, len(m.UID) > 0)
		idmap.Layout{Host: host, Daemons: []idmap.Daemon{{Flavor: f, Delegation: d, Config: config}}}.Plan()
	}
}

func span(first, more int64) string {
	if more == 0 {
		return fmt.Sprint(first)
	}
	return fmt.Sprintf("%d-%d", first, first+more)
}

func TestAnyConfigurationCanBePlanned(t *testing.T) { rapid.Check(t, checkContainer) }

func FuzzRawIDMap(f *testing.F) {
	for _, text := range []string{"both 1000 1000", "uid 5-9 0-4\ngid 1 2", "both 9223372036854775807 1", "both 1-9223372036854775807 0-5", "x", "both 0 0\n\nboth 1 1"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, flavor := range flavors {
			m, reason := configured(flavor, rawConfig(text))
			if (reason == idmap.None) != (len(m.UID) > 0) {
				t.Fatalf("%q: reason %q, map %v", text, reason, m)
			}
		}
	})
}
