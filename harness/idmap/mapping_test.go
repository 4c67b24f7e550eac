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

// lines returns a map of lines of inside, parent and count, the order in which the kernel
// writes them.
func lines(of ...[3]uint32) []idmap.Mapping {
	var out []idmap.Mapping
	for _, l := range of {
		out = append(out, idmap.Mapping{Inside: l[0], Parent: l[1], Count: l[2]})
	}
	return out
}

// both returns a map with m for uids and gids.
func both(m []idmap.Mapping) idmap.Map { return idmap.Map{UID: m, GID: m} }

// mappingsText is the inverse of ParseMappings.
func mappingsText(mappings []idmap.Mapping) string {
	var b strings.Builder
	for _, m := range mappings {
		fmt.Fprintf(&b, "%10d %10d %10d\n", m.Inside, m.Parent, m.Count) // as the kernel pads them
	}
	return b.String()
}

func TestParseMappingsReadsWhatTheKernelWrites(t *testing.T) {
	for text, want := range map[string][]idmap.Mapping{
		"         0          0 4294967295\n":                 idmap.Identity().UID,
		"0 500000 196608":                                    lines([3]uint32{0, 500000, 196608}),
		"0\t1 2\r\n":                                         lines([3]uint32{0, 1, 2}),
		"4294967295 4294967295 4294967295\n":                 lines([3]uint32{4294967295, 4294967295, 4294967295}),
		"0 100000 65536\n     65536     300000      65536\n": lines([3]uint32{0, 100000, 65536}, [3]uint32{65536, 300000, 65536}),
		"100 7 1\n0 8 1\n\n\n":                               lines([3]uint32{100, 7, 1}, [3]uint32{0, 8, 1}), // the order is kept
	} {
		got, err := idmap.ParseMappings(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, got, "%q", text)
	}
}

func TestParseMappingsNamesTheLineThatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"":                        `idmap line 1: "" has 0 fields, expected inside, parent and count`,
		"\n\n":                    `idmap line 1: "" has 0 fields, expected inside, parent and count`,
		"0 500000":                `idmap line 1: "0 500000" has 2 fields, expected inside, parent and count`,
		"0 500000 196608 0":       `idmap line 1: "0 500000 196608 0" has 4 fields, expected inside, parent and count`,
		"0 1 2\n\n3 4 5":          `idmap line 2: "" has 0 fields, expected inside, parent and count`,
		"x 1 2":                   `idmap line 1: "x" is not a number from 0 to 4294967295`,
		"0 -1 2":                  `idmap line 1: "-1" is not a number from 0 to 4294967295`,
		"0 1 2\n3 4 4294967296":   `idmap line 2: "4294967296" is not a number from 0 to 4294967295`,
		"0 1 2\n3 4 5\n6 7 0x8\n": `idmap line 3: "0x8" is not a number from 0 to 4294967295`,
	} {
		got, err := idmap.ParseMappings(text)
		require.EqualError(t, err, want)
		assert.Nil(t, got, "%q", text)
	}
}

func TestTheIdentityHasEveryIDButMinusOne(t *testing.T) {
	for _, m := range [][]idmap.Mapping{idmap.Identity().UID, idmap.Identity().GID} {
		for _, id := range []uint32{0, 1, 65535, 65536, idmap.MaxID} {
			parent, exists := idmap.Up(m, id)
			assert.True(t, exists)
			assert.Equal(t, id, parent)
		}
		_, exists := idmap.Up(m, idmap.MaxID+1)
		assert.False(t, exists)
	}
}

func TestUpTranslatesExactlyTheIDsThatExistInside(t *testing.T) {
	m := lines([3]uint32{10, 500000, 5}, [3]uint32{20, 0, 1}, [3]uint32{4294967290, 7, 5})
	for inside, want := range map[uint32]uint32{10: 500000, 14: 500004, 20: 0, 4294967290: 7, 4294967294: 11} {
		parent, exists := idmap.Up(m, inside)
		assert.True(t, exists, inside)
		assert.Equal(t, want, parent, inside)
	}
	for _, inside := range []uint32{0, 9, 15, 19, 21, 500000, 4294967289, 4294967295} {
		parent, exists := idmap.Up(m, inside)
		assert.False(t, exists, inside)
		assert.Zero(t, parent, inside)
	}
}

// drawMappings draws a map that the kernel would accept: no id is twice on either side. Each
// line has up to most ids. Inside ids are low, so that two such maps overlap; parent ids are
// moved up by at most shift, without passing the last id.
func drawMappings(t *rapid.T, label string, most, shift uint32) []idmap.Mapping {
	counts := rapid.SliceOfN(rapid.Uint32Range(1, most), 0, 5).Draw(t, label+" counts")
	n := len(counts)
	gap := rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32Range(0, 50000))
	gaps := rapid.SliceOfN(gap, 2*n, 2*n).Draw(t, label+" gaps")
	order := make([]int, n)
	out := make([]idmap.Mapping, n)
	var inside, parent uint32
	for i, count := range counts {
		inside += gaps[i]
		order[i], out[i] = i, idmap.Mapping{Inside: inside, Count: count}
		inside += count
	}
	for k, i := range rapid.Permutation(order).Draw(t, label+" order of the parent ids") {
		parent += gaps[n+k]
		out[i].Parent = parent
		parent += counts[i]
	}
	shift = min(shift, idmap.MaxID+1-parent)
	by := rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32Range(0, shift), rapid.Just(shift)).Draw(t, label+" shift")
	for i := range out {
		out[i].Parent += by
	}
	return rapid.Permutation(out).Draw(t, label)
}

// drawIDs draws ids, many of them at the edges of the mappings.
func drawIDs(t *rapid.T, mappings []idmap.Mapping) []uint32 {
	edges := []uint32{0, idmap.MaxID, idmap.MaxID + 1}
	for _, m := range mappings {
		edges = append(edges, m.Inside-1, m.Inside, m.Inside+m.Count-1, m.Inside+m.Count)
	}
	id := rapid.OneOf(rapid.SampledFrom(edges), rapid.Uint32Range(0, 750000), rapid.Uint32())
	return rapid.SliceOfN(id, 20, 20).Draw(t, "ids")
}

// holds reports whether mappings contain all of the count ids from start on, as inside ids or,
// with parentSide, as parent ids. It counts them, and so shares no logic with the code under
// test.
func holds(mappings []idmap.Mapping, parentSide bool, start, count uint32) bool {
	var held uint64
	for _, m := range mappings {
		first := uint64(m.Inside)
		if parentSide {
			first = uint64(m.Parent)
		}
		from, to := max(first, uint64(start)), min(first+uint64(m.Count), uint64(start)+uint64(count))
		held += max(to, from) - from
	}
	return held == uint64(count)
}

func FuzzParseMappings(f *testing.F) {
	for _, text := range []string{
		"         0          0 4294967295\n", "0 500000 196608", "0 100000 65536\n65536 300000 65536\n", "0\t1 2\r\n",
		"4294967295 4294967295 4294967295", "0 0 0\n", "0 1 2\n\n3 4 5\n", "0 1\n", "0 1 2 3", "a b c", "-1 0 1",
		"0 0 4294967296", "0\u00a00 1", "\x00 0 1", "", "\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mappings, err := idmap.ParseMappings(text)
		if err != nil {
			assert.Nil(t, mappings)
			assert.ErrorContains(t, err, "idmap line ")
			return
		}
		assert.NotEmpty(t, mappings)
		again, err := idmap.ParseMappings(mappingsText(mappings))
		require.NoError(t, err)
		assert.Equal(t, mappings, again)
		// Numbers that no kernel would write must not cause a panic either.
		idmap.Up(mappings, 0)
		both(mappings).Compose(idmap.Identity())
	})
}

func TestParseMapReadsBothFiles(t *testing.T) {
	m, err := idmap.ParseMap("0 65536 131072\n", "0 65536 65536\n65536 200000 1\n")
	require.NoError(t, err)
	assert.Equal(t, idmap.Map{
		UID: []idmap.Mapping{{Inside: 0, Parent: 65536, Count: 131072}},
		GID: []idmap.Mapping{{Inside: 0, Parent: 65536, Count: 65536}, {Inside: 65536, Parent: 200000, Count: 1}},
	}, m)
	for _, files := range [][2]string{{"", "0 1 2"}, {"0 1 2", ""}} {
		_, err = idmap.ParseMap(files[0], files[1])
		require.EqualError(t, err, `idmap line 1: "" has 0 fields, expected inside, parent and count`)
	}
}
