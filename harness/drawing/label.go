package drawing

import (
	"cmp"
	"slices"
	"strconv"
)

func digits(id uint64) string { return strconv.FormatUint(id, 10) }

// label is a host id on the axis, and the room that it takes there.
type label struct {
	id       uint64
	from, to int
	at       int  // where its id lies: there it begins, or
	back     bool // ends, for lack of room
}

// fold is a gap that is folded: which ids nobody has, and where it is marked.
type fold struct {
	first, last uint64
	from, to    int
}

// annotate gives the first host ids of the pieces, as far as there is room, and marks the gaps
// that are folded. What stands behind such a gap comes first, as nothing else could tell it,
// then come the marks, then the bars in their order. What would run into another, or over the
// edge, is left out.
func (s scale) annotate(bars []Bar) ([]label, []fold) {
	var labels []label
	var folds []fold
	place := func(id uint64) {
		l, fits := s.put(id)
		crossed := func(p label) bool { return l.from < p.to+s.space && p.from < l.to+s.space }
		marked := func(f fold) bool { return l.from < f.to+s.space && f.from < l.to+s.space }
		if fits && !slices.ContainsFunc(labels, crossed) && !slices.ContainsFunc(folds, marked) {
			labels = append(labels, l)
		}
	}
	for _, head := range s.heads() {
		place(s.edges[head])
	}
	folds = s.folds(labels)
	for _, b := range bars {
		for _, m := range b.pieces() {
			place(uint64(m.Parent))
		}
	}
	slices.SortFunc(labels, func(a, b label) int { return cmp.Compare(a.from, b.from) })
	return labels, folds
}

// put finds where the label of an id belongs, and says whether it stays on the axis there.
func (s scale) put(id uint64) (l label, fits bool) {
	i, _ := slices.BinarySearch(s.edges, id)
	width := s.room(id)
	l = label{id: id, at: s.at[i], from: s.at[i], to: s.at[i] + width}
	if l.to <= s.length {
		return l, true
	}
	// Over a gap there is no other piece whose label this might be taken for.
	l.back, l.to = true, min(l.at+s.least, s.length)
	l.from = l.to - width
	return l, i > 0 && !s.used[i-1] && l.from >= s.at[i-1]
}

// folds are the gaps that are folded, as far as the labels leave room to mark them.
func (s scale) folds(labels []label) []fold {
	var folds []fold
	for i, folded := range s.folded {
		if !folded {
			continue
		}
		f := fold{first: s.edges[i], last: s.edges[i+1] - 1, from: s.at[i] + s.space, to: s.at[i+1] - s.space}
		for _, l := range labels {
			if l.at <= s.at[i] {
				f.from = max(f.from, l.to+s.space)
			} else {
				f.to = min(f.to, l.from-s.space)
			}
		}
		if f.from < f.to {
			folds = append(folds, f)
		}
	}
	return folds
}
