package drawing

import (
	"cmp"
	"slices"
	"strconv"
)

func digits(id uint64) string { return strconv.FormatUint(id, 10) }

// A label is a host id on the axis, with the space that it takes there.
type label struct {
	id       uint64
	from, to int
	at       int  // position of the id: the label begins there, or
	back     bool // ends there if the space after it is too small
}

// A fold is a gap that is drawn folded: the ids that no container has, and the position of its
// mark.
type fold struct {
	first, last uint64
	from, to    int
}

// annotate returns labels of the pieces' first host ids, and marks of folded gaps, as far as
// there is space. Labels after a folded gap come first, because nothing else shows these ids.
// Then come the marks, then the labels of the bars in their order. A label that would overlap
// another one, or leave the axis, is left out.
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

// put returns the label of an id at its position, and whether it fits on the axis.
func (s scale) put(id uint64) (l label, fits bool) {
	i, _ := slices.BinarySearch(s.edges, id)
	width := s.room(id)
	l = label{id: id, at: s.at[i], from: s.at[i], to: s.at[i] + width}
	if l.to <= s.length {
		return l, true
	}
	// Only above a gap is there no other piece to which the label could seem to belong.
	l.back, l.to = true, min(l.at+s.least, s.length)
	l.from = l.to - width
	return l, i > 0 && !s.used[i-1] && l.from >= s.at[i-1]
}

// folds returns the marks of the folded gaps, where the labels leave space for them.
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
