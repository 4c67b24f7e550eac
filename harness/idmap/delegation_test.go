package idmap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/idmap"
)

// owned returns an allocation of the given owner. Every host has its start.
func owned(owner string, count uint32) idmap.Allocation {
	return idmap.Allocation{Owner: owner, Start: 500000, Count: count}
}

// from0 returns the map that LXD makes from an allocation: one line, from inside id 0 on.
func from0(parent, count uint32) []idmap.Mapping { return lines([3]uint32{0, parent, count}) }

// chain returns a layout on a host with all ids, with an LXD for each delegation.
func chain(delegations ...idmap.Delegation) idmap.Layout {
	l := idmap.Layout{Host: idmap.Identity()}
	for _, d := range delegations {
		l.Daemons = append(l.Daemons, idmap.Daemon{Delegation: d})
	}
	return l
}

// planned returns the maps, in parent ids, of the levels that come up.
func planned(p idmap.Plan) []idmap.Map {
	var maps []idmap.Map
	for _, l := range p.Levels {
		maps = append(maps, l.Map)
	}
	return maps
}

func TestADelegationIsWrittenAsTwoFiles(t *testing.T) {
	d := idmap.Delegation{
		UID: idmap.NewFile(ofRoot(500000, 196608), idmap.Allocation{Owner: "lxd", Start: 1, Count: 2}),
		GID: idmap.NewFile(ofRoot(700000, 65536)),
	}
	assert.Equal(t, "root:500000:196608\nlxd:1:2\n", d.UID.Text)
	assert.Equal(t, "root:700000:65536\n", d.GID.Text)
	assert.Equal(t, "uid root:500000:196608, lxd:1:2, gid root:700000:65536", d.String())
}

func TestTheZeroDelegationIsTwoEmptyFiles(t *testing.T) {
	for _, d := range []idmap.Delegation{{}, idmap.Delegate()} {
		assert.Equal(t, idmap.Delegation{}, d)
		assert.Equal(t, "empty", d.String())
	}
}

func TestADelegationListsUIDsAndGIDsSeparatelyOnlyIfTheyDiffer(t *testing.T) {
	a := ofRoot(65536, 131072)
	assert.Equal(t, "root:65536:131072", idmap.Delegate(a).String())
	assert.Equal(t, "uid root:65536:131072, gid empty", idmap.Delegation{UID: idmap.NewFile(a)}.String())
	assert.Equal(t, "uid missing, gid root:65536:131072", idmap.Delegation{UID: idmap.File{Missing: true}, GID: idmap.NewFile(a)}.String())
}

func TestAChainNeedsABlockForEachLevel(t *testing.T) {
	for depth, want := range map[int]uint32{0: 0, 1: 65536, 2: 131072, 3: 196608, 4: 262144, 32: 2097152} {
		assert.Equal(t, want, idmap.Needed(depth), "depth %d", depth)
	}
}

func TestCascadeDelegatesAllButTheFirstBlock(t *testing.T) {
	assert.Empty(t, idmap.Cascade(1), "the only level delegates nothing")
	for depth, want := range map[int][]idmap.Delegation{
		2: {idmap.Delegate(ofRoot(65536, 65536))},
		3: {idmap.Delegate(ofRoot(65536, 131072)), idmap.Delegate(ofRoot(65536, 65536))},
		4: {
			idmap.Delegate(ofRoot(65536, 196608)), idmap.Delegate(ofRoot(65536, 131072)),
			idmap.Delegate(ofRoot(65536, 65536)),
		},
	} {
		assert.Equal(t, want, idmap.Cascade(depth), "depth %d", depth)
	}
}

func TestLXDUsesTheFirstRootLineWithABlock(t *testing.T) {
	for name, c := range map[string]struct {
		lines []idmap.Allocation
		want  uint32 // the count identifies the line
	}{
		"the only line":                      {[]idmap.Allocation{owned("root", 65536)}, 65536},
		"the owner in any case":              {[]idmap.Allocation{owned("rOOt", 65537)}, 65537},
		"the first of two, not the larger":   {[]idmap.Allocation{owned("root", 65536), owned("root", 196608)}, 65536},
		"not one below a block":              {[]idmap.Allocation{owned("root", 65535), owned("root", 65538)}, 65538},
		"not another's":                      {[]idmap.Allocation{owned("lxd", 65536), owned("root", 65539)}, 65539},
		"not root's by number":               {[]idmap.Allocation{owned("0", 65536), owned("root", 65540)}, 65540},
		"not that of a name with root in it": {[]idmap.Allocation{owned("rootless", 65536), owned("root", 65541)}, 65541},
	} {
		t.Run(name, func(t *testing.T) {
			p := chain(idmap.Delegate(c.lines...)).Plan()
			assert.Nil(t, p.Stop)
			assert.Equal(t, []idmap.Map{both(from0(500000, c.want))}, planned(p))
		})
	}
}

func TestRootLinesSmallerThanABlockAreNoAllocation(t *testing.T) {
	// There is no default map either, because root has lines, if only useless ones.
	p := chain(idmap.Delegate(owned("root", 65535), owned("root", 1))).Plan()
	assert.Equal(t, idmap.Plan{Stop: &idmap.Stop{Level: 1, Op: idmap.OpCreate, Reason: idmap.NoAllocation}}, p)
}

func TestWithoutALineForRootAHostUsesABillionIDsFromAMillionOn(t *testing.T) {
	line := []idmap.Allocation{owned("root", 196608)}
	other := []idmap.Allocation{owned("lxd", 196608), owned("0", 196608)}
	for name, d := range map[string]idmap.Delegation{
		"both files empty":                    {},
		"no line for root in either":          {UID: idmap.NewFile(other...), GID: idmap.NewFile(other...)},
		"only subgid has none":                {UID: idmap.NewFile(line...), GID: idmap.NewFile(other...)},
		"only subuid has none":                {UID: idmap.NewFile(other...), GID: idmap.NewFile(line...)},
		"only subgid is empty":                {UID: idmap.NewFile(line...)},
		"only subuid is empty":                {GID: idmap.NewFile(line...)},
		"one has none, the other a small one": {UID: idmap.NewFile(owned("root", 65535))},
	} {
		t.Run(name, func(t *testing.T) {
			p := chain(d).Plan()
			assert.Nil(t, p.Stop)
			assert.Equal(t, []idmap.Map{both(from0(1000000, 1000000000))}, planned(p))
		})
	}
}

func TestWithoutALineForRootALevelUsesItsIDsFrom100000On(t *testing.T) {
	none := idmap.Delegation{}
	const noRoom = "create: no allocation"
	for _, c := range []struct {
		ids   uint32 // ids of level 1
		sizes []uint32
		stop  string
	}{
		{65536, []uint32{65536}, "level 2, " + noRoom},
		{100000, []uint32{100000}, "level 2, " + noRoom},
		{100001, []uint32{100001}, "level 2, " + noRoom},
		{165535, []uint32{165535}, "level 2, " + noRoom},
		{165536, []uint32{165536}, "level 2, " + noRoom}, // one block is left, but LXD needs one id more
		{165537, []uint32{165537, 65537}, "level 3, " + noRoom},
		{196608, []uint32{196608, 96608}, "level 3, " + noRoom},
		{265536, []uint32{265536, 165536}, "level 3, " + noRoom},
		{265537, []uint32{265537, 165537, 65537}, "level 4, " + noRoom},
		{365537, []uint32{365537, 265537, 165537, 65537}, "level 5, " + noRoom},
	} {
		t.Run(fmt.Sprint(c.ids), func(t *testing.T) {
			p := chain(idmap.Delegate(ofRoot(500000, c.ids)), none, none, none, none).Plan()
			want := []idmap.Map{both(from0(500000, c.sizes[0]))}
			for _, size := range c.sizes[1:] {
				want = append(want, both(from0(100000, size)))
			}
			assert.Equal(t, want, planned(p))
			assert.Equal(t, c.stop, p.Stop.String())
		})
	}
}

func TestTheDefaultTakesTheFirstRunOfIDsFrom100000OnThatIsLargeEnough(t *testing.T) {
	for name, c := range map[string]struct {
		own, want []idmap.Mapping // want nil: no allocation
	}{
		"every id but the last is not a whole host": {from0(0, 4294967294), from0(100000, 4294867294)},
		"a run that starts higher, from its start":  {lines([3]uint32{200000, 7, 65537}), from0(200000, 65537)},
		"a run of a block only":                     {lines([3]uint32{200000, 7, 65536}), nil},
		"a run that ends at 99999":                  {lines([3]uint32{0, 7, 100000}), nil},
		"the second run, where the first is low": {
			lines([3]uint32{0, 7, 65536}, [3]uint32{300000, 1000000, 70000}), from0(300000, 70000),
		},
		"the second run, where the first is small": {
			lines([3]uint32{0, 7, 165536}, [3]uint32{300000, 1000000, 70000}), from0(300000, 70000),
		},
		"the first run, where the second is larger": {
			lines([3]uint32{300000, 1000000, 900000}, [3]uint32{0, 7, 165537}), from0(100000, 65537),
		},
		"neither run": {lines([3]uint32{0, 7, 165536}, [3]uint32{300000, 1000000, 65536}), nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := idmap.Layout{Host: both(c.own), Daemons: make([]idmap.Daemon, 1)}.Plan()
			if c.want == nil {
				assert.Equal(t, "level 1, create: no allocation", p.Stop.String())
				return
			}
			assert.Nil(t, p.Stop)
			assert.Equal(t, []idmap.Map{both(c.want)}, planned(p))
		})
	}
}

func TestTheDefaultIsChosenSeparatelyForUIDsAndGIDs(t *testing.T) {
	host := idmap.Map{UID: from0(0, 200000), GID: from0(0, 300000)}
	p := idmap.Layout{Host: host, Daemons: make([]idmap.Daemon, 1)}.Plan()
	assert.Equal(t, []idmap.Map{{UID: from0(100000, 100000), GID: from0(100000, 200000)}}, planned(p))

	// A host with all uids but not all gids is not whole.
	host = idmap.Map{UID: idmap.Identity().UID, GID: from0(0, 300000)}
	p = idmap.Layout{Host: host, Daemons: make([]idmap.Daemon, 1)}.Plan()
	assert.Equal(t, []idmap.Map{{UID: from0(100000, 4294867295), GID: from0(100000, 200000)}}, planned(p))
}
