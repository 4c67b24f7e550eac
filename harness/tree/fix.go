package tree

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/idmap"
)

// outside returns a problem, with its fix, if a line takes ids that the parent does not have,
// or takes them from several of its mappings (kernel/user_namespace.c, map_id_range_down).
func (c *Container) outside(l Line, kind string, parent []idmap.Mapping) *Problem {
	if idmap.Within(parent, l.Mapping) {
		return nil
	}
	// The host has all ids that Parse accepts, so the container has a parent.
	last := l.Parent + l.Count - 1
	what := fmt.Sprintf("takes %ss %d to %d of %s", kind, l.Parent, last, c.Parent.Path)
	if pieces := split(l, parent); pieces != nil {
		p := c.problem(l.Number, "%s, which are in %d mappings there, but the kernel accepts a line only within one mapping", what, len(pieces))
		p.Edits = []Edit{{Line: l.Number, Path: c.Path, Mappings: pieces}}
		p.Fix = "write a line for each: " + strings.Join(pieces, " and ")
		return &p
	}
	p := c.problem(l.Number, "%s, which has %s", what, ranges(parent))
	if edits := c.smallestFix(l, parent); edits != nil {
		p.Edits = edits
		var changes []string
		for _, e := range edits {
			changes = append(changes, fmt.Sprintf("line %d: %s %s", e.Line, e.Path, e.Mappings[0]))
		}
		p.Fix = strings.Join(changes, ", ")
	}
	return &p
}

// ranges describes the inside ids of mappings. It names only the first few runs.
func ranges(mappings []idmap.Mapping) string {
	if len(mappings) == 0 {
		return "none"
	}
	const most = 3
	var all []string
	for _, m := range mappings[:min(most, len(mappings))] {
		all = append(all, fmt.Sprintf("%d to %d", m.Inside, m.Inside+m.Count-1))
	}
	if len(mappings) > most {
		all = append(all, "more")
	}
	return strings.Join(all, " and ")
}

// split splits a line where the parent's mappings meet. It returns nil if ids are missing.
func split(l Line, parent []idmap.Mapping) []string {
	var pieces []Line
	var covered uint64
	for _, p := range parent {
		from := max(uint64(l.Parent), uint64(p.Inside))
		to := min(uint64(l.Parent)+uint64(l.Count), uint64(p.Inside)+uint64(p.Count))
		if from < to {
			covered += to - from
			piece := l
			piece.Inside += uint32(from) - l.Parent
			piece.Parent, piece.Count = uint32(from), uint32(to-from)
			pieces = append(pieces, piece)
		}
	}
	if covered != uint64(l.Count) {
		return nil
	}
	slices.SortFunc(pieces, func(a, b Line) int { return cmp.Compare(a.Inside, b.Inside) })
	var lines []string
	for _, piece := range pieces {
		lines = append(lines, piece.String())
	}
	return lines
}

// smallestFix returns the smallest change that fixes a line: the fewest lines, then the fewest
// ids. Of two equal changes it prefers the one that takes ids from no container.
func (c *Container) smallestFix(l Line, parent []idmap.Mapping) []Edit {
	edits, fewest := c.Parent.grow(l)
	best := l
	consider := func(changed Line, ids uint64) {
		if best == l && len(edits) != 1 || ids < fewest { // a change of one line is always smaller than one of several
			best, fewest = changed, ids
		}
	}
	needed := uint64(0) // inside ids that children use
	for _, child := range c.Children {
		needed = max(needed, child.reach())
	}
	end := uint64(l.Parent) + uint64(l.Count)
	for _, p := range parent {
		pEnd := uint64(p.Inside) + uint64(p.Count)
		moved := l
		if p.Count >= l.Count {
			moved.Parent = uint32(min(max(uint64(l.Parent), uint64(p.Inside)), pEnd-uint64(l.Count)))
			// Do not move the line into the parent's own ids, unless it was there before.
			if moved.Parent >= min(l.Parent, idmap.Block) {
				consider(moved, distance(moved.Parent, l.Parent))
			}
		}
		less := l
		if l.Parent >= p.Inside && uint64(l.Parent) < pEnd && end > pEnd {
			less.Count = uint32(pEnd - uint64(l.Parent))
			if less.Count >= min(idmap.Block, l.Count) && uint64(less.Inside)+uint64(less.Count) >= needed {
				consider(less, end-pEnd)
			}
		}
	}
	if best != l {
		return c.edit(l, best)
	}
	return edits
}

func distance(a, b uint32) uint64 { return uint64(max(a, b) - min(a, b)) }

func (c *Container) edit(from, to Line) []Edit {
	return []Edit{{Line: from.Number, Path: c.Path, Mappings: []string{to.String()}}}
}

// grow extends the mapping in or after which a child's line begins, so that it contains the
// line. It also extends mappings further up as necessary.
func (c *Container) grow(child Line) (edits []Edit, ids uint64) {
	var l Line
	for _, candidate := range c.Lines {
		fits := (!child.UID || candidate.UID) && (!child.GID || candidate.GID) && candidate.Inside <= child.Parent
		if fits && (l.Number == 0 || candidate.Inside > l.Inside) {
			l = candidate
		}
	}
	end, lEnd := uint64(child.Parent)+uint64(child.Count), uint64(l.Inside)+uint64(l.Count)
	larger := l
	larger.Count = uint32(end - uint64(l.Inside))
	if l.Number == 0 || end <= lEnd || uint64(larger.Parent)+uint64(larger.Count)-1 > idmap.MaxID || c.collides(l, larger) {
		return nil, 0
	}
	edits, ids = c.edit(l, larger), end-lEnd
	if c.Parent == nil {
		return edits, ids
	}
	above := c.Parent.Map().UID
	if !l.UID {
		above = c.Parent.Map().GID
	}
	if !idmap.Within(above, larger.Mapping) {
		more, n := c.Parent.grow(larger)
		if more == nil {
			return nil, 0
		}
		edits, ids = append(more, edits...), ids+n
	}
	return edits, ids
}

// collides reports whether an extended line overlaps another line of the same container.
func (c *Container) collides(old, larger Line) bool {
	touch := func(a, aCount, b, bCount uint32) bool {
		return uint64(a) < uint64(b)+uint64(bCount) && uint64(b) < uint64(a)+uint64(aCount)
	}
	return slices.ContainsFunc(c.Lines, func(l Line) bool {
		return l != old && (touch(l.Inside, l.Count, larger.Inside, larger.Count) || touch(l.Parent, l.Count, larger.Parent, larger.Count))
	})
}
