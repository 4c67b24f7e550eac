package idmap_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

func TestComposeGivesHostIDs(t *testing.T) {
	for name, c := range map[string]struct{ child, parent, want []idmap.Mapping }{
		"inside one line of the parent": {
			lines([3]uint32{0, 65536, 131072}), lines([3]uint32{0, 500000, 196608}), lines([3]uint32{0, 565536, 131072}),
		},
		"the top of all ids": {
			lines([3]uint32{0, 4294901759, 65536}), idmap.Identity().UID, lines([3]uint32{0, 4294901759, 65536}),
		},
		"a line over two lines of the parent is split where they meet": {
			lines([3]uint32{5, 50, 100}), lines([3]uint32{0, 1000, 100}, [3]uint32{100, 5000, 100}),
			lines([3]uint32{5, 1050, 50}, [3]uint32{55, 5000, 50}),
		},
		"ids that the parent does not have are left out, before, between and after": {
			lines([3]uint32{0, 0, 1000}), lines([3]uint32{10, 7000, 10}, [3]uint32{30, 8000, 10}),
			lines([3]uint32{10, 7000, 10}, [3]uint32{30, 8000, 10}),
		},
		"lines that touch without sharing an id give nothing": {
			lines([3]uint32{0, 100, 50}), lines([3]uint32{50, 1, 50}, [3]uint32{150, 2, 50}), nil,
		},
		"lines contiguous on both sides are not joined": {
			lines([3]uint32{0, 10, 10}, [3]uint32{10, 20, 5}), lines([3]uint32{0, 100, 100}),
			lines([3]uint32{0, 110, 10}, [3]uint32{10, 120, 5}),
		},
		"lines have the child's order, not that of inside or host ids": {
			lines([3]uint32{50, 10, 10}, [3]uint32{0, 20, 10}, [3]uint32{90, 0, 10}), lines([3]uint32{0, 100, 100}),
			lines([3]uint32{50, 110, 10}, [3]uint32{0, 120, 10}, [3]uint32{90, 100, 10}),
		},
		"the pieces of a line are sorted by inside id": {
			lines([3]uint32{700, 0, 1}, [3]uint32{5, 50, 100}), lines([3]uint32{100, 5000, 100}, [3]uint32{0, 1000, 100}),
			lines([3]uint32{700, 1000, 1}, [3]uint32{5, 1050, 50}, [3]uint32{55, 5000, 50}),
		},
		"pieces that are contiguous on both sides are not joined": {
			lines([3]uint32{0, 0, 20}), lines([3]uint32{0, 100, 10}, [3]uint32{10, 110, 10}),
			lines([3]uint32{0, 100, 10}, [3]uint32{10, 110, 10}),
		},
		"an empty parent has no ids":   {lines([3]uint32{0, 0, 10}), nil, nil},
		"an empty child gives nothing": {nil, idmap.Identity().UID, nil},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, both(c.want), both(c.child).Compose(both(c.parent)))
		})
	}
}

func TestComposeKeepsUIDsAndGIDsApart(t *testing.T) {
	child := idmap.Map{UID: lines([3]uint32{0, 10, 5}), GID: lines([3]uint32{0, 20, 6})}
	parent := idmap.Map{UID: lines([3]uint32{0, 1000, 50}), GID: lines([3]uint32{0, 7000, 50})}
	want := idmap.Map{UID: lines([3]uint32{0, 1010, 5}), GID: lines([3]uint32{0, 7020, 6})}
	assert.Equal(t, want, child.Compose(parent))
}

func TestComposeAgreesWithTranslatingEachIDTwice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		child, parent := drawMappings(t, "child", 100000, 200000), drawMappings(t, "parent", 100000, idmap.MaxID)
		composed := both(child).Compose(both(parent)).UID
		for _, id := range drawIDs(t, append(slices.Clone(child), composed...)) {
			middle, exists := idmap.Up(child, id)
			var want uint32
			if exists {
				want, exists = idmap.Up(parent, middle)
			}
			got, gotExists := idmap.Up(composed, id)
			require.Equal(t, exists, gotExists, "id %d", id)
			require.Equal(t, want, got, "id %d", id)
		}
	})
}

func TestComposeNeverYieldsAnIDOutsideTheParentsHostIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		child, parent := drawMappings(t, "child", 100000, 200000), drawMappings(t, "parent", 100000, idmap.MaxID)
		for _, m := range both(child).Compose(both(parent)).UID {
			require.NotZero(t, m.Count)
			require.True(t, holds(parent, true, m.Parent, m.Count), "host ids of %v", m)
			require.True(t, holds(child, false, m.Inside, m.Count), "inside ids of %v", m)
		}
	})
}

func TestComposeGivesALineForEachLineWithinTheParent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		child, parent := drawMappings(t, "child", 100000, 200000), drawMappings(t, "parent", 100000, idmap.MaxID)
		child = slices.DeleteFunc(child, func(m idmap.Mapping) bool {
			return !slices.ContainsFunc(parent, func(p idmap.Mapping) bool {
				return holds([]idmap.Mapping{p}, false, m.Parent, m.Count)
			})
		})
		composed := both(child).Compose(both(parent)).UID
		require.Len(t, composed, len(child))
		for i, m := range child {
			host, exists := idmap.Up(parent, m.Parent)
			require.True(t, exists)
			require.Equal(t, idmap.Mapping{Inside: m.Inside, Parent: host, Count: m.Count}, composed[i])
		}
	})
}

func TestComposeIsAssociative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c3, c2 := both(drawMappings(t, "c3", 100000, 200000)), both(drawMappings(t, "c2", 100000, 200000))
		c1 := both(drawMappings(t, "c1", 100000, idmap.MaxID))
		before := both(slices.Clone(c3.UID))
		assert.Equal(t, c3.Compose(c2).Compose(c1), c3.Compose(c2.Compose(c1)))
		assert.Equal(t, before, c3, "Compose must not change its arguments")
	})
}
