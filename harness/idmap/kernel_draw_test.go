package idmap_test

import (
	"math"
	"slices"
	"strconv"

	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// A plan is a chain of nested user namespaces, from the top down, with the writes to the maps
// of each.
type plan []level

// A level is the sequence of writes to the maps of one user namespace. A refused write leaves
// its map unwritten. An accepted write is the last one to its map.
type level []attempt

type attempt struct {
	gid   bool
	lines []idmap.Mapping
}

// side returns a map's uids or gids.
func side(m *idmap.Map, gid bool) *[]idmap.Mapping {
	if gid {
		return &m.GID
	}
	return &m.UID
}

// written returns the accepted maps of a level as they were written. own is the map of the
// parent namespace. A side without an accepted attempt is nil.
func (l level) written(own idmap.Map) idmap.Map {
	var m idmap.Map
	for _, a := range l {
		if idmap.Accept(*side(&own, a.gid), a.lines) == nil {
			*side(&m, a.gid) = a.lines
		}
	}
	return m
}

// accepted returns the accepted maps in the kernel's order.
func (l level) accepted(own idmap.Map) idmap.Map {
	m := l.written(own)
	return idmap.Map{UID: idmap.Reported(m.UID), GID: idmap.Reported(m.GID)}
}

// A branch is a chain that shares its first kept levels with the chain before it.
type branch struct {
	plan
	kept int
}

const (
	deepest  = 6
	branches = 10
)

// drawBranches draws chains below a namespace with the map own. Each branches off the one
// before, because creating a namespace takes long. Each level tries some maps that the kernel
// may refuse until it accepts one.
func drawBranches(t *rapid.T, own idmap.Map) []branch {
	var out []branch
	var p plan
	owns := []idmap.Map{own} // owns[i] is the namespace in which p[i] is tried
	for range branches {
		kept := max(0, len(p)-rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2, 3, deepest}).Draw(t, "up"))
		depth := min(deepest, kept+rapid.SampledFrom([]int{1, 1, 1, 1, 2, 4}).Draw(t, "down"))
		kept = min(kept, depth-1)
		p, owns = slices.Clone(p[:kept]), owns[:kept+1]
		for len(p) < depth {
			l := drawLevel(t, owns[len(p)])
			p, owns = append(p, l), append(owns, l.accepted(owns[len(p)]))
			if last := owns[len(p)]; last.UID == nil || last.GID == nil {
				return append(out, branch{p, kept}) // only if Accept refuses a map that the kernel must accept
			}
		}
		out = append(out, branch{p, kept})
	}
	return out
}

func drawLevel(t *rapid.T, own idmap.Map) level {
	first := rapid.Bool().Draw(t, "gids first")
	l := drawSide(t, first, *side(&own, first), nil)
	return append(l, drawSide(t, !first, *side(&own, !first), l[len(l)-1].lines)...)
}

// drawSide draws attempts for uids or gids. other is the map accepted for the other side.
func drawSide(t *rapid.T, gid bool, parent, other []idmap.Mapping) level {
	var l level
	try := func(lines []idmap.Mapping) (taken bool) {
		l = append(l, attempt{gid, lines})
		return idmap.Accept(parent, lines) == nil
	}
	if other != nil && rapid.Bool().Draw(t, "as the other") && try(other) {
		return l
	}
	kinds := []func(*rapid.T, []idmap.Mapping) []idmap.Mapping{drawWithin, drawBent, drawBent, drawBent, drawEdges, drawEdges, drawMany}
	for range rapid.IntRange(0, 4).Draw(t, "tries") {
		if try(rapid.SampledFrom(kinds).Draw(t, "kind")(t, parent)) {
			return l
		}
	}
	try(drawWithin(t, parent))
	return l
}

// drawWithin draws a map that the kernel must accept: parts of the parent's lines.
func drawWithin(t *rapid.T, parent []idmap.Mapping) []idmap.Mapping {
	var out []idmap.Mapping
	var sum uint32
	for range rapid.SampledFrom([]int{1, 1, 2, 3}).Draw(t, "lines taken from") {
		p := rapid.SampledFrom(parent).Draw(t, "line")
		cuts := []uint32{0, p.Count}
		for range rapid.IntRange(0, 4).Draw(t, "cuts") {
			edges := []uint32{1, 2, p.Count - 1, p.Count / 2, p.Count / 3, 65535, 65536, 65537, 131072}
			cuts = append(cuts, min(p.Count, rapid.SampledFrom(edges).Draw(t, "cut")))
		}
		slices.Sort(cuts)
		for i, to := range cuts[1:] {
			m := idmap.Mapping{Parent: p.Inside + cuts[i], Count: to - cuts[i]}
			if m.Count > 0 && !slices.ContainsFunc(out, func(o idmap.Mapping) bool { return meet(o.Parent, m.Parent, o.Count, m.Count) }) &&
				rapid.SampledFrom([]bool{true, true, false}).Draw(t, "take") {
				out, sum = append(out, m), sum+m.Count
			}
		}
	}
	if out == nil {
		p := rapid.SampledFrom(parent).Draw(t, "line")
		out, sum = []idmap.Mapping{{Parent: p.Inside, Count: p.Count}}, p.Count
	}
	out = shuffled(t, out)
	inside, slack := uint32(0), idmap.MaxID+1-sum
	for i := range out {
		// Most lines are adjacent, so that lines of the next level can cross their borders.
		gap := min(slack, rapid.SampledFrom([]uint32{0, 0, 0, 0, 0, 1, 65535, 65536, math.MaxUint32}).Draw(t, "gap"))
		out[i].Inside = inside + gap
		inside, slack = inside+gap+out[i].Count, slack-gap
	}
	return shuffled(t, out)
}

// meet reports whether two ranges share an id. The ranges must not wrap around.
func meet(a, b, countA, countB uint32) bool {
	return uint64(a) < uint64(b)+uint64(countB) && uint64(b) < uint64(a)+uint64(countA)
}

func shuffled(t *rapid.T, m []idmap.Mapping) []idmap.Mapping {
	switch rapid.IntRange(0, 2).Draw(t, "order") {
	case 0:
		return m
	case 1:
		return reversed(m)
	default:
		return rapid.Permutation(m).Draw(t, "lines")
	}
}

// drawBent draws an acceptable map and moves one or two of its edges.
func drawBent(t *rapid.T, parent []idmap.Mapping) []idmap.Mapping {
	out := slices.Clone(drawWithin(t, parent))
	if rapid.IntRange(0, 9).Draw(t, "many") == 0 {
		out = drawMany(t, parent)
	}
	for range rapid.SampledFrom([]int{1, 1, 1, 2}).Draw(t, "bends") {
		m := &out[rapid.IntRange(0, len(out)-1).Draw(t, "line")]
		o := out[rapid.IntRange(0, len(out)-1).Draw(t, "other line")]
		p := rapid.SampledFrom(parent).Draw(t, "parent's line")
		step := rapid.SampledFrom([]uint32{0, 1, math.MaxUint32}).Draw(t, "step") // MaxUint32 is -1
		switch rapid.IntRange(0, 9).Draw(t, "bend") {
		case 0:
			m.Count += step
		case 1:
			m.Inside += step
		case 2:
			m.Parent += step
		case 3: // up to the other line, one short of it, or one into it
			m.Inside = o.Inside - m.Count + step
		case 4:
			m.Parent = o.Parent - m.Count + step
		case 5: // from the end of the other line on
			m.Inside = o.Inside + o.Count + step
		case 6:
			m.Parent = o.Parent + o.Count + step
		case 7: // up to the end of a line of the parent
			m.Count = p.Inside + p.Count - m.Parent + step
		case 8: // from the start of a line of the parent
			m.Parent = p.Inside + step
		default:
			out = append(out, o)
		}
	}
	return out
}

// drawEdges draws lines whose numbers lie at edges: of the parent's lines, and of all ids.
func drawEdges(t *rapid.T, parent []idmap.Mapping) []idmap.Mapping {
	edges := []uint32{0, 1, 65535, 65536, 65537, 1 << 31, math.MaxUint32 - 1, math.MaxUint32}
	for range 3 {
		p := rapid.SampledFrom(parent).Draw(t, "line")
		end := p.Inside + p.Count
		edges = append(edges, p.Inside-1, p.Inside, p.Inside+1, end-1, end, end+1, p.Count-1, p.Count, p.Count+1)
	}
	edge := rapid.SampledFrom(edges)
	var out []idmap.Mapping
	for range rapid.SampledFrom([]int{0, 1, 1, 1, 1, 1, 2, 2, 3, 6}).Draw(t, "lines") {
		count := rapid.OneOf(rapid.SampledFrom([]uint32{1, 1, 2}), edge).Draw(t, "count")
		out = append(out, idmap.Mapping{Inside: edge.Draw(t, "inside"), Parent: edge.Draw(t, "parent"), Count: count})
	}
	return out
}

// drawMany draws many lines of one id each. Some have so many digits that all lines together
// fill a page, or miss that by a byte.
func drawMany(t *rapid.T, parent []idmap.Mapping) []idmap.Mapping {
	p := slices.MaxFunc(parent, func(a, b idmap.Mapping) int { return int(int64(a.Count) - int64(b.Count)) })
	n := rapid.SampledFrom([]int{4, 5, 6, 7, 30, 200, 226, 227, 228, 300, 339, 340, 340, 341, 342}).Draw(t, "lines")
	start := p.Inside
	if room := uint64(p.Count); room > uint64(n) {
		last := uint32(room - uint64(n))
		start += rapid.SampledFrom([]uint32{0, last, min(last, 1000), min(last, 1000000)}).Draw(t, "offset")
	}
	out := series(n, 0, start)
	size := rapid.SampledFrom([]int{0, 0, 4094, 4095, 4095, 4096, 4097}).Draw(t, "bytes")
	for i, missing := n-1, size-len(written(out)); i >= 0 && missing > 0; i-- {
		// Numbers with at least 4 digits cannot collide with the present inside ids.
		digits := len(strconv.Itoa(i))
		if to := min(digits+missing, 10); to > 3 {
			out[i].Inside += uint32(math.Pow10(to - 1))
			missing -= to - digits
		}
	}
	return shuffled(t, out)
}
