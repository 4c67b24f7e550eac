package existing

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

func TestTheFirstGapThatIsLargeEnough(t *testing.T) {
	for name, c := range map[string]struct {
		slots []idmap.Slot
		want  int64
		found bool
	}{
		"all is free":                      {nil, 100, true},
		"a gap of exactly the size":        {[]idmap.Slot{{Base: 110, Count: 10}}, 100, true},
		"between two, in any order":        {[]idmap.Slot{{Base: 120, Count: 10}, {Base: 100, Count: 10}}, 110, true},
		"behind a small one":               {[]idmap.Slot{{Base: 109, Count: 10}}, 119, true},
		"behind one that contains another": {[]idmap.Slot{{Base: 100, Count: 30}, {Base: 105, Count: 5}}, 130, true},
		"before the first":                 {[]idmap.Slot{{Base: 0, Count: 50}}, 100, true},
		"one id too few at the end":        {[]idmap.Slot{{Base: 100, Count: 90}}, 190, false},
		"just enough at the end":           {[]idmap.Slot{{Base: 100, Count: 89}}, 189, true},
	} {
		base, found := firstGap(100, 200, 10, c.slots)
		assert.Equal(t, c.found, found, name)
		assert.Equal(t, c.want, base, name)
	}
}

// Chains come and go in any order, at most as many as there is room for. Each one gets ids that
// no other has.
func TestChainsThatComeAndGoFindTheirIDs(t *testing.T) {
	const size, most = 10, 5
	rapid.Check(t, func(t *rapid.T) {
		var slots []idmap.Slot
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			if len(slots) == most || len(slots) > 0 && rapid.Bool().Draw(t, "one goes") {
				i := rapid.IntRange(0, len(slots)-1).Draw(t, "which")
				slots = append(slots[:i], slots[i+1:]...)
				continue
			}
			base, found := firstGap(0, most*size+1, size, slots)
			require.True(t, found, "%v", slots)
			for _, s := range slots {
				require.False(t, base < s.Base+s.Count && s.Base < base+size, "%d is in %v", base, s)
			}
			slots = append(slots, idmap.Slot{Base: base, Count: size})
		}
	})
}

func TestHostsOfOneLXDAndMemberReserveDifferentIDs(t *testing.T) {
	table := reservationTable{slots: map[*Host]idmap.Slot{}}
	on := func(address, member string) *Host {
		return &Host{idCount: idmap.Block, daemon: &daemon{LXD: LXD{Address: address}, member: member}}
	}
	lowest := func(taken []idmap.Slot) (int64, error) {
		base, _ := firstGap(0, 100*idmap.Block, idmap.Block, taken)
		return base, nil
	}
	first, second, elsewhere, member := on("a", ""), on("a", ""), on("b", ""), on("a", "m1")
	foreign := []idmap.Slot{{Base: 0, Count: idmap.Block}}
	for _, c := range []struct {
		host  *Host
		want  int64
		about string
	}{
		{first, 1, "beside another's container"},
		{second, 2, "beside the first host, whose container LXD does not show yet"},
		{first, 1, "its own reservation is in nobody's way"},
		{elsewhere, 1, "another LXD"},
		{member, 1, "another member"},
	} {
		base, err := table.reserve(c.host, foreign, lowest)
		require.NoError(t, err)
		assert.Equal(t, c.want*idmap.Block, base, c.about)
	}
	table.release(first)
	base, err := table.reserve(on("a", ""), foreign, lowest)
	require.NoError(t, err)
	assert.EqualValues(t, idmap.Block, base, "released")
}
