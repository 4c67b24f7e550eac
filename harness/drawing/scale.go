package drawing

import (
	"maps"
	"slices"
)

// A ruler has the sizes for a scale, in columns of a terminal or in pixels.
type ruler struct {
	length int // of the axis
	least  int // width of the smallest piece
	fold   int // width of a folded gap
	digit  int // width of a digit in a label
	space  int // between two labels
}

// room returns the width of the label of an id.
func (r ruler) room(id uint64) int { return len(digits(id)) * r.digit }

// A scale maps host ids to positions on the axis. Its edges are the ids at which pieces begin
// or end, so the ids between two edges all belong to the same bars.
type scale struct {
	ruler
	edges  []uint64
	at     []int  // position of each edge
	used   []bool // whether a bar has the ids from an edge to the next
	folded []bool // whether they are a folded gap
}

// newScale returns a scale for the bars.
func newScale(bars []Bar, r ruler) scale {
	s := scale{ruler: r}
	begun := map[uint64]int{} // by edge: number of pieces that begin there, minus those that end
	for _, b := range bars {
		for _, m := range b.pieces() {
			from, to := ends(m)
			begun[from]++
			begun[to]--
		}
	}
	s.edges = slices.Sorted(maps.Keys(begun))
	if len(s.edges) == 0 {
		return s
	}
	open, cells := 0, len(s.edges)-1
	for _, edge := range s.edges[:cells] {
		open += begun[edge]
		s.used = append(s.used, open > 0)
	}
	s.folded = s.foldable()
	weights, least := make([]uint64, cells), make([]int, cells)
	for i := range cells {
		weights[i], least[i] = s.edges[i+1]-s.edges[i], r.least
		if s.folded[i] {
			weights[i], least[i] = 0, r.fold
		}
	}
	if crowded(least, r.length) {
		for i := range least {
			least[i] = r.least
		}
	}
	s.at = spread(weights, least, r.length)
	// A wider gap makes the runs narrower, so that other labels may not fit any more. If there
	// is no space left, the pieces are more important than the labels.
	for s.widen(least) && !crowded(least, r.length) {
		s.at = spread(weights, least, r.length)
	}
	return s
}

// foldable returns the gaps with more ids than the smaller of the unbroken runs next to them.
// To scale, such gaps would leave little space for the runs.
func (s scale) foldable() []bool {
	before, after := make([]uint64, len(s.used)), make([]uint64, len(s.used))
	for i := 1; i < len(s.used); i++ {
		if s.used[i-1] {
			before[i] = before[i-1] + s.edges[i] - s.edges[i-1]
		}
	}
	for i := len(s.used) - 2; i >= 0; i-- {
		if s.used[i+1] {
			after[i] = after[i+1] + s.edges[i+2] - s.edges[i+1]
		}
	}
	folded := make([]bool, len(s.used))
	for i, used := range s.used {
		folded[i] = !used && s.edges[i+1]-s.edges[i] > min(before[i], after[i])
	}
	return folded
}

// heads returns the edges at which a run begins, either the first one or after a folded gap.
func (s scale) heads() []int {
	var heads []int
	for i := range s.used {
		if i == 0 || s.folded[i-1] {
			heads = append(heads, i)
		}
	}
	return heads
}

// widen gives folded gaps the space that labels of the runs next to them need. It reports
// whether a gap became wider.
func (s scale) widen(least []int) (changed bool) {
	wanted := map[int]int{}
	heads := s.heads()
	for i, head := range heads {
		end, label := len(s.used), s.room(s.edges[head])
		last := i == len(heads)-1
		if !last {
			end = heads[i+1] - 1
		}
		switch missing := label - (s.at[end] - s.at[head]); {
		case missing <= 0:
		case !last:
			wanted[end] += missing
		case i > 0: // the axis ends after the last run, so its label extends over the gap before it
			wanted[head-1] += label - s.least
		}
	}
	for gap, room := range wanted {
		if s.fold+room > least[gap] {
			least[gap], changed = s.fold+room, true
		}
	}
	return changed
}

// crowded reports whether the least widths exceed the length.
func crowded(least []int, length int) bool {
	sum := 0
	for _, l := range least {
		sum += l
	}
	return sum > length
}

// spread divides the length by weight, with no share below its least width. It returns the
// start of each share, and the end of the last one. A share of weight 0 gets its least width.
func spread(weights []uint64, least []int, length int) []int {
	at := make([]int, len(weights)+1)
	if crowded(least, length) {
		for i := range at {
			at[i] = i * length / len(weights)
		}
		return at
	}
	pinned := make([]bool, len(weights))
	total, room := uint64(0), uint64(length)
	for _, w := range weights {
		total += w
	}
	// A share that gets its least width leaves less for the others, so that more of them may
	// need theirs.
	for changed := true; changed; {
		changed = false
		for i, w := range weights {
			if !pinned[i] && w*room < uint64(least[i])*total {
				pinned[i], changed = true, true
				total, room = total-w, room-uint64(least[i])
			}
		}
	}
	// Cumulative sums keep rounding errors from adding up.
	taken, sum := 0, uint64(0)
	for i, w := range weights {
		if pinned[i] {
			taken += least[i]
		} else {
			sum += w
		}
		at[i+1] = taken + int(sum*room/max(1, total))
	}
	return at
}

// place returns the position of the ids between two edges on the axis.
func (s scale) place(from, to uint64) (left, right int) {
	i, _ := slices.BinarySearch(s.edges, from)
	j, _ := slices.BinarySearch(s.edges, to)
	return s.at[i], max(s.at[j], s.at[i]+1)
}
