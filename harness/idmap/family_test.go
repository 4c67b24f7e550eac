package idmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/idmap"
)

func isolated(size string) map[string]string {
	return map[string]string{idmap.KeyIsolated: "true", idmap.KeySize: size}
}

// familyOf returns the family of a host's LXD that has the given allocation and no newuidmap.
func familyOf(count uint32) *idmap.Family {
	d := idmap.Daemon{Flavor: idmap.LXD, Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: count})}
	return idmap.Layout{}.Family(1, idmap.Identity(), idmap.Identity(), d)
}

// started returns the parent id of root in a member, and its number of ids.
func started(t *testing.T, f *idmap.Family, name string) (base, count uint32) {
	t.Helper()
	p, stop := f.Start(name)
	assert.Nil(t, stop)
	return p.Map.UID[0].Parent, p.Map.UID[0].Count
}

func assertIDs(t *testing.T, f *idmap.Family, name string, base, count uint32) {
	t.Helper()
	gotBase, gotCount := started(t, f, name)
	assert.Equal(t, [2]uint32{base, count}, [2]uint32{gotBase, gotCount}, name)
}

func TestIsolatedContainersGetDisjointIDs(t *testing.T) {
	f := familyOf(500000)
	for _, name := range []string{"a", "b", "c"} {
		assert.Nil(t, f.Create(name, isolated("")))
	}
	assertIDs(t, f, "a", 565536, 65536)
	assertIDs(t, f, "c", 696608, 65536)
	f.Delete("b")
	assert.Nil(t, f.Create("d", isolated("")))
	assertIDs(t, f, "d", 762144, 65536) // the gap must be larger than the size
	f.Delete("a")
	assert.Nil(t, f.Create("e", isolated("")))
	assertIDs(t, f, "e", 565536, 65536)
	assert.Equal(t, &idmap.Stop{Level: 1, Op: idmap.OpCreate, Reason: idmap.IsolatedExhausted}, f.Create("f", isolated("400000")))
}

func TestANewSizeMovesAContainerAndFreesItsOldIDs(t *testing.T) {
	f := familyOf(500000)
	assert.Nil(t, f.Create("a", isolated("")))
	assert.Nil(t, f.Create("b", isolated("")))
	assert.Nil(t, f.Configure("a", isolated("100000")))
	assertIDs(t, f, "a", 696608, 100000)
	assert.Nil(t, f.Create("c", isolated("")))
	assertIDs(t, f, "c", 565536, 65536)
	assert.Equal(t, &idmap.Stop{Level: 1, Op: idmap.OpConfigure, Reason: idmap.IsolatedExhausted}, f.Configure("c", isolated("900000")))
	assertIDs(t, f, "c", 565536, 65536)
}

func TestNewContainersUseTheFilesAfterADaemonRestart(t *testing.T) {
	f := familyOf(131072)
	assert.Nil(t, f.Create("old", nil))
	f.SetFiles(idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 900000, Count: 65536}))
	assert.Nil(t, f.Create("early", nil))
	assertIDs(t, f, "early", 500000, 131072)
	f.RestartDaemon()
	assert.Nil(t, f.Create("late", nil))
	assertIDs(t, f, "late", 900000, 65536)
	assertIDs(t, f, "old", 500000, 131072)
	f.SetFiles(idmap.Delegation{UID: idmap.NewFile(idmap.Allocation{Owner: idmap.Root, Start: 1, Count: 1}), GID: idmap.NewFile()})
	f.RestartDaemon()
	assertIDs(t, f, "old", 500000, 131072)
}

func TestNewuidmapReadsTheFilesAtEveryStart(t *testing.T) {
	d := idmap.Daemon{
		Flavor: idmap.LXD, ShadowTools: true,
		Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65536}),
	}
	f := idmap.Layout{}.Family(1, idmap.Identity(), idmap.Identity(), d)
	assert.Nil(t, f.Create("a", nil))
	assertIDs(t, f, "a", 500000, 65536)
	f.SetFiles(idmap.Delegation{})
	_, stop := f.Start("a")
	assert.Equal(t, &idmap.Stop{Level: 1, Op: idmap.OpStart, Reason: idmap.ShadowRefused}, stop)
}

func TestIncusGivesNewIDsToAContainerThatLostItsOwn(t *testing.T) {
	allocation := func(start, count uint32) idmap.Delegation {
		return idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: start, Count: count})
	}
	d := idmap.Daemon{Flavor: idmap.Incus, ShadowTools: true, Delegation: allocation(500000, 131072)}
	f := idmap.Layout{}.Family(1, idmap.Identity(), idmap.Identity(), d)
	assert.Nil(t, f.Create("a", nil))
	for _, c := range []struct {
		files       idmap.Delegation
		base, count uint32
	}{
		{allocation(500000, 262144), 500000, 131072}, // it still has all of its ids
		{allocation(500000, 65536), 500000, 65536},
		{allocation(900000, 65536), 900000, 65536},
		{allocation(800000, 300000), 900000, 65536},
	} {
		f.SetFiles(c.files)
		f.RestartDaemon()
		assertIDs(t, f, "a", c.base, c.count)
	}
}

func TestTheLevelsBelowOneWithOtherIDsHaveOtherIDsOnTheHost(t *testing.T) {
	line := func(parent, count uint32) idmap.Map {
		lines := []idmap.Mapping{{Inside: 0, Parent: parent, Count: count}}
		return idmap.Map{UID: lines, GID: lines}
	}
	old := idmap.Plan{Levels: []idmap.PlannedLevel{
		{Level: 1, Map: line(500000, 196608), Host: line(500000, 196608)},
		{Level: 2, Map: line(65536, 131072), Host: line(565536, 131072)},
		{Level: 3, Map: line(65536, 65536), Host: line(631072, 65536)},
	}}
	plan := old.With(idmap.PlannedLevel{Level: 1, Map: line(900000, 196608), Host: line(900000, 196608)})
	assert.Equal(t, line(900000, 196608), plan.Levels[0].Host)
	assert.Equal(t, line(965536, 131072), plan.Levels[1].Host)
	assert.Equal(t, line(1031072, 65536), plan.Levels[2].Host)
	assert.Equal(t, line(565536, 131072), old.Levels[1].Host)
}

func TestCommonCountsIDsOfTheParent(t *testing.T) {
	line := func(parent, count uint32) []idmap.Mapping {
		return []idmap.Mapping{{Inside: 0, Parent: parent, Count: count}}
	}
	assert.Zero(t, idmap.Common(line(0, 10), line(10, 10)))
	assert.EqualValues(t, 1, idmap.Common(line(0, 11), line(10, 10)))
	assert.EqualValues(t, 5, idmap.Common(append(line(0, 3), line(8, 4)...), append(line(1, 2), line(9, 40)...)))
}
