package drawing

import (
	"maps"
	"slices"
)

// ruler is what a scale is made for: the columns of a terminal, or pixels.
type ruler struct {
	length int // of the axis
	least  int // of a piece, however few its ids
	fold   int // of a gap that is folded
	digit  int // of a label
	space  int // between two labels
}

// room is what the label of an id takes.
func (r ruler) room(id uint64) int { return len(digits(id)) * r.digit }

// scale says where on the axis a host id lies. The ids at which a piece begins or ends
// are its edges; what lies between two edges belongs to the same bars throughout.
type scale struct {
	ruler
	edges  []uint64
	at     []int  // where each edge lies
	used   []bool // whether somebody has the ids from an edge to the next
	folded []bool // whether they are a gap that is folded
}

// newScale makes the scale on which the bars have room.
func newScale(bars []Bar, r ruler) scale {
	s := scale{ruler: r}
	begun := map[uint64]int{} // by edge: how many pieces begin there, less those that end
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
	// A wider gap narrows the runs, which may then lack room for their labels, too. Where there
	// is none to give, the pieces come first.
	for s.widen(least) && !crowded(least, r.length) {
		s.at = spread(weights, least, r.length)
	}
	return s
}

// foldable are the gaps with more ids than the smaller of their neighbors, which are unbroken
// runs of ids that somebody has: to scale, they would leave little room for what is to be seen.
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

// heads are the edges at which a run begins: what lies between two gaps that are folded.
func (s scale) heads() []int {
	var heads []int
	for i := range s.used {
		if i == 0 || s.folded[i-1] {
			heads = append(heads, i)
		}
	}
	return heads
}

// widen gives the gaps that are folded the room that the labels of the runs beside them take
// from them, and says whether there was any to give.
func (s scale) widen(least []int) (changed bool) {
	wanted := map[int]int{}
	heads := s.heads()
	for i, head := range heads {
		end, label := len(s.used), s.room(s.edges[head])
		last := i == len(heads)-1
		if !last {
			end = heads[i+1] - 1
		}
		switch lack := label - (s.at[end] - s.at[head]); {
		case lack <= 0:
		case !last:
			wanted[end] += lack
		case i > 0: // behind the last run the axis ends: its label reaches back
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

// crowded is whether the least widths are more than there is.
func crowded(least []int, length int) bool {
	sum := 0
	for _, l := range least {
		sum += l
	}
	return sum > length
}

// spread divides the length by weight, with no share below its least, and gives where each
// share begins, and where the last one ends. Without a weight a share is as wide as its least.
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
	// Each share that is pinned to its least leaves less for the others, which may pin them, too.
	for changed := true; changed; {
		changed = false
		for i, w := range weights {
			if !pinned[i] && w*room < uint64(least[i])*total {
				pinned[i], changed = true, true
				total, room = total-w, room-uint64(least[i])
			}
		}
	}
	// The rest is divided by sums, so that the rounding does not add up.
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

// place is where the ids from one edge to another lie on the axis.
func (s scale) place(from, to uint64) (left, right int) {
	i, _ := slices.BinarySearch(s.edges, from)
	j, _ := slices.BinarySearch(s.edges, to)
	return s.at[i], max(s.at[j], s.at[i]+1)
}
