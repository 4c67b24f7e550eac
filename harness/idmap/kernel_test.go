package idmap_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// A stack holds the maps of nested user namespaces from the top down. All except perhaps the
// last are accepted.
type stack [][]idmap.Mapping

// mapTable are maps with the expected answer to the last one.
// TestTheKernelAgreesWithTheTable writes the same maps to the kernel. Maps that explain
// prints are added here.
var mapTable = map[string]struct {
	maps stack
	want error
}{
	"the article's chain":                        {stack{lines([3]uint32{0, 500000, 196608}), lines([3]uint32{0, 65536, 131072}), lines([3]uint32{0, 65536, 65536})}, nil},
	"one id, the last":                           {stack{lines([3]uint32{idmap.MaxID, idmap.MaxID, 1})}, nil},
	"all ids":                                    {stack{lines([3]uint32{0, 0, 4294967295})}, nil},
	"all ids but 0":                              {stack{lines([3]uint32{1, 1, 4294967294})}, nil},
	"no line":                                    {stack{nil}, idmap.ErrInvalidMap},
	"no ids":                                     {stack{lines([3]uint32{0, 0, 0})}, idmap.ErrInvalidMap},
	"no ids in the second line":                  {stack{lines([3]uint32{0, 0, 1}, [3]uint32{1, 1, 0})}, idmap.ErrInvalidMap},
	"inside -1":                                  {stack{lines([3]uint32{4294967295, 0, 1})}, idmap.ErrInvalidMap},
	"parent -1":                                  {stack{lines([3]uint32{0, 4294967295, 1})}, idmap.ErrInvalidMap},
	"no ids from -1 on":                          {stack{lines([3]uint32{4294967295, 4294967295, 0})}, idmap.ErrInvalidMap},
	"inside ids up to -1":                        {stack{lines([3]uint32{4294967294, 0, 2})}, idmap.ErrInvalidMap},
	"parent ids up to -1":                        {stack{lines([3]uint32{0, 4294967294, 2})}, idmap.ErrInvalidMap},
	"ids beyond -1":                              {stack{lines([3]uint32{65536, 65536, 4294967295})}, idmap.ErrInvalidMap},
	"inside ids touch":                           {stack{lines([3]uint32{10, 10, 10}, [3]uint32{20, 50, 10}, [3]uint32{0, 100, 10})}, nil},
	"parent ids touch":                           {stack{lines([3]uint32{10, 10, 10}, [3]uint32{50, 20, 10}, [3]uint32{100, 0, 10})}, nil},
	"inside ids overlap above":                   {stack{lines([3]uint32{10, 10, 10}, [3]uint32{19, 50, 10})}, idmap.ErrInvalidMap},
	"inside ids overlap below":                   {stack{lines([3]uint32{10, 10, 10}, [3]uint32{1, 50, 10})}, idmap.ErrInvalidMap},
	"parent ids overlap above":                   {stack{lines([3]uint32{10, 10, 10}, [3]uint32{50, 19, 10})}, idmap.ErrInvalidMap},
	"parent ids overlap below":                   {stack{lines([3]uint32{10, 10, 10}, [3]uint32{50, 1, 10})}, idmap.ErrInvalidMap},
	"a line within another":                      {stack{lines([3]uint32{0, 0, 100}, [3]uint32{200, 50, 1}, [3]uint32{300, 200, 5})}, idmap.ErrInvalidMap},
	"a line twice":                               {stack{lines([3]uint32{5, 5, 1}, [3]uint32{5, 5, 1})}, idmap.ErrInvalidMap},
	"the parent's last id":                       {stack{lines([3]uint32{0, 500000, 65536}), lines([3]uint32{0, 65535, 1})}, nil},
	"one past the last":                          {stack{lines([3]uint32{0, 500000, 65536}), lines([3]uint32{0, 65535, 2})}, idmap.ErrUnmappedIDs},
	"from one past the last":                     {stack{lines([3]uint32{0, 500000, 65536}), lines([3]uint32{0, 65536, 1})}, idmap.ErrUnmappedIDs},
	"the parent's first id":                      {stack{lines([3]uint32{7, 500000, 65536}), lines([3]uint32{0, 7, 1})}, nil},
	"one before the first":                       {stack{lines([3]uint32{7, 500000, 65536}), lines([3]uint32{0, 6, 2})}, idmap.ErrUnmappedIDs},
	"up to before the first":                     {stack{lines([3]uint32{7, 500000, 65536}), lines([3]uint32{0, 6, 1})}, idmap.ErrUnmappedIDs},
	"across two lines":                           {stack{lines([3]uint32{0, 0, 10}, [3]uint32{10, 10, 10}), lines([3]uint32{0, 9, 2})}, idmap.ErrUnmappedIDs},
	"up to the border of two lines, and from it": {stack{lines([3]uint32{0, 0, 10}, [3]uint32{10, 10, 10}), lines([3]uint32{0, 0, 10}, [3]uint32{10, 10, 10})}, nil},
	"across a hole":                              {stack{lines([3]uint32{0, 0, 10}, [3]uint32{20, 20, 10}), lines([3]uint32{0, 5, 20})}, idmap.ErrUnmappedIDs},
	"unmapped and contradictory":                 {stack{lines([3]uint32{0, 0, 10}), lines([3]uint32{0, 20, 10}, [3]uint32{5, 40, 10})}, idmap.ErrInvalidMap},
	"5 lines, unsorted":                          {stack{reversed(series(5, 1, 1))}, nil},
	"6 lines, unsorted":                          {stack{reversed(series(6, 1, 1))}, nil},
	"340 lines":                                  {stack{series(340, 0, 0)}, nil},
	"341 lines":                                  {stack{series(341, 0, 0)}, idmap.ErrInvalidMap},
	"4095 bytes":                                 {stack{append(series(240, 1000000, 100000), lines([3]uint32{1, 1000, 1}, [3]uint32{2, 9, 1})...)}, nil},
	"4096 bytes":                                 {stack{append(series(240, 1000000, 100000), lines([3]uint32{1, 1000, 1}, [3]uint32{2, 10, 1})...)}, idmap.ErrInvalidMap},
}

// series returns a map of n adjacent lines of one id each.
func series(n int, inside, parent uint32) []idmap.Mapping {
	var out []idmap.Mapping
	for i := range uint32(n) {
		out = append(out, idmap.Mapping{Inside: inside + i, Parent: parent + i, Count: 1})
	}
	return out
}

func reversed(m []idmap.Mapping) []idmap.Mapping {
	m = slices.Clone(m)
	slices.Reverse(m)
	return m
}

// written returns the text of a map as it is written to the kernel.
func written(m []idmap.Mapping) string {
	var b strings.Builder
	for _, l := range m {
		fmt.Fprintf(&b, "%d %d %d\n", l.Inside, l.Parent, l.Count)
	}
	return b.String()
}

func TestAcceptAgreesWithTheTable(t *testing.T) {
	for name, c := range mapTable {
		t.Run(name, func(t *testing.T) {
			parent := idmap.Identity().UID
			for _, m := range c.maps[:len(c.maps)-1] {
				require.NoError(t, idmap.Accept(parent, m))
				parent = m
			}
			require.ErrorIs(t, idmap.Accept(parent, c.maps[len(c.maps)-1]), c.want)
		})
	}
	assert.Len(t, written(mapTable["4095 bytes"].maps[0]), 4095)
	assert.Len(t, written(mapTable["4096 bytes"].maps[0]), 4096)
}

func TestAcceptNamesTheLineAndWhatIsWrong(t *testing.T) {
	parent := lines([3]uint32{65536, 600000, 10}, [3]uint32{0, 500000, 65536})
	for want, child := range map[string][]idmap.Mapping{
		`invalid idmap (EINVAL): no line, expected 1 to 340`:                                                                            nil,
		`invalid idmap (EINVAL): line 341, "340 340 1": one line too many, expected 1 to 340`:                                           series(342, 0, 0),
		`invalid idmap (EINVAL): line 248, "1000000247 247 1": ends at byte 4106 of the text, expected less than 4096 bytes`:            series(300, 1000000000, 0),
		`invalid idmap (EINVAL): line 2, "1 1 0": count 0, expected at least 1`:                                                         lines([3]uint32{0, 0, 1}, [3]uint32{1, 1, 0}),
		`invalid idmap (EINVAL): line 1, "4294967294 0 2": its inside ids go past the last id, 4294967294`:                              lines([3]uint32{4294967294, 0, 2}),
		`invalid idmap (EINVAL): line 1, "0 4294967295 1": its parent ids go past the last id, 4294967294`:                              lines([3]uint32{0, 4294967295, 1}),
		`invalid idmap (EINVAL): line 3, "5 20 5": its inside ids overlap those of line 1, "9 0 1"`:                                     lines([3]uint32{9, 0, 1}, [3]uint32{0, 10, 5}, [3]uint32{5, 20, 5}),
		`invalid idmap (EINVAL): line 2, "7 0 10": its parent ids overlap those of line 1, "0 9 5"`:                                     lines([3]uint32{0, 9, 5}, [3]uint32{7, 0, 10}),
		`unmapped ids (EPERM): line 2, "1 65546 1": id 65546 does not exist in the parent`:                                              lines([3]uint32{0, 0, 1}, [3]uint32{1, 65546, 1}),
		`unmapped ids (EPERM): line 1, "0 65535 2": its parent ids go past 65535, where line "0 500000 65536" of the parent's map ends`: lines([3]uint32{0, 65535, 2}),
	} {
		require.EqualError(t, idmap.Accept(parent, child), want)
	}
	require.EqualError(t, idmap.Accept(nil, series(1, 0, 0)), `unmapped ids (EPERM): line 1, "0 0 1": id 0 does not exist in the parent`)
}

func TestReportedSortsFrom6LinesOn(t *testing.T) {
	five, six := reversed(series(5, 0, 0)), reversed(series(6, 0, 0))
	assert.Equal(t, five, idmap.Reported(five))
	assert.Equal(t, series(6, 0, 0), idmap.Reported(six))
	assert.Equal(t, reversed(series(6, 0, 0)), six, "Reported must not change its argument")
	assert.Empty(t, idmap.Reported(nil))
}

// oracle computes the answer of Accept as kernel/user_namespace.c does: in the same order, line
// by line, in 32 bits that wrap around, comparing each line with all earlier ones.
func oracle(parent, child []idmap.Mapping) error {
	if text := written(child); text == "" || len(text) >= 4096 {
		return idmap.ErrInvalidMap
	}
	lasts := func(m idmap.Mapping) (inside, parent uint32) { return m.Inside + m.Count - 1, m.Parent + m.Count - 1 }
	for i, m := range child {
		if m.Inside == 4294967295 || m.Parent == 4294967295 || m.Inside+m.Count <= m.Inside || m.Parent+m.Count <= m.Parent {
			return idmap.ErrInvalidMap
		}
		inside, up := lasts(m)
		for _, before := range child[:i] {
			beforeInside, beforeUp := lasts(before)
			if before.Inside <= inside && beforeInside >= m.Inside || before.Parent <= up && beforeUp >= m.Parent {
				return idmap.ErrInvalidMap
			}
		}
		if i+1 == 340 && len(child) > 340 {
			return idmap.ErrInvalidMap
		}
	}
	for _, m := range child {
		_, up := lasts(m)
		if !slices.ContainsFunc(parent, func(p idmap.Mapping) bool {
			last := p.Inside + p.Count - 1
			return m.Parent >= p.Inside && m.Parent <= last && up >= p.Inside && up <= last
		}) {
			return idmap.ErrUnmappedIDs
		}
	}
	return nil
}

// agree fails if Accept and oracle disagree, and checks the kind of the error.
func agree(t require.TestingT, parent, child []idmap.Mapping) {
	want, got := oracle(parent, child), idmap.Accept(parent, child)
	require.ErrorIs(t, got, want, "parent %v, child %v", parent, child)
	if want == nil {
		require.ElementsMatch(t, child, idmap.Reported(child))
		return
	}
	require.False(t, errors.Is(got, idmap.ErrInvalidMap) && errors.Is(got, idmap.ErrUnmappedIDs), got)
}

func TestAcceptAgreesWithTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, b := range drawBranches(t, idmap.Identity()) {
			own := idmap.Identity()
			for _, level := range b.plan {
				for _, a := range level {
					agree(t, *side(&own, a.gid), a.lines)
				}
				own = level.accepted(own)
			}
		}
	})
}

// raw encodes two maps as bytes: the number of parent lines, then 12 bytes per line. unraw
// decodes them.
func raw(parent, child []idmap.Mapping) []byte {
	b := []byte{byte(len(parent))}
	for _, m := range slices.Concat(parent, child) {
		for _, v := range []uint32{m.Inside, m.Parent, m.Count} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
	}
	return b
}

func unraw(b []byte) (parent, child []idmap.Mapping) {
	var all []idmap.Mapping
	for m := range slices.Chunk(b[1:], 12) {
		if len(m) == 12 {
			v := binary.LittleEndian.Uint32
			all = append(all, idmap.Mapping{Inside: v(m), Parent: v(m[4:]), Count: v(m[8:])})
		}
	}
	n := min(int(b[0]), len(all))
	return all[:n], all[n:]
}

func FuzzAccept(f *testing.F) {
	for _, c := range mapTable {
		if len(c.maps) > 1 {
			n := len(c.maps)
			f.Add(raw(c.maps[n-2], c.maps[n-1]))
		}
		f.Add(raw(idmap.Identity().UID, c.maps[0]))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		parent, child := unraw(data)
		if oracle(idmap.Identity().UID, parent) != nil {
			_ = idmap.Accept(parent, child) // even with an impossible parent it must not panic
			return
		}
		agree(t, parent, child)
	})
}
