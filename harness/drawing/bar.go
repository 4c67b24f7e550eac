// Package drawing draws how the ids of nested containers lie on the host: a bar
// a container, over an axis of host ids; as text for a terminal, and as SVG.
//
// The axis is to scale, with three exceptions, all of them made so that nothing
// is lost from sight: what is too small still takes a column; a gap of ids that
// nobody has is folded to a few columns, marked ╌╌, if it is longer than one of
// the runs of ids beside it; and where there are more pieces than columns, each
// is as wide as the next.
package drawing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"nestbed/harness/idmap"
)

// Bar is one container, or the host's own allocation.
type Bar struct {
	Name  string // c1, or c1/c2 in a tree
	Depth int    // 1 for level 1, 0 for what is the host's own: gives the color, and in SVG what lies in what
	// Host is the map in host ids: inside ids on the left, host ids on the right. Only these are
	// drawn: who wants gids gives those of the gids.
	Host []idmap.Mapping
	// Problem is that the container's ids are not what they must be, such as not all there: its bar is drawn as broken.
	Problem bool
}

// hues is how many colors there are before they start again; Problem has its own.
const hues = 5

// hue is the number of a bar's color, 1 to hues; 0 is that of the host.
func (b Bar) hue() int {
	if b.Depth <= 0 {
		return 0
	}
	return (b.Depth-1)%hues + 1
}

// pieces are the mappings of which there is something to draw.
func (b Bar) pieces() []idmap.Mapping {
	return slices.DeleteFunc(slices.Clone(b.Host), func(m idmap.Mapping) bool { return m.Count == 0 })
}

// ends are the first host id of a mapping, and the first beyond it.
func ends(m idmap.Mapping) (from, to uint64) {
	return uint64(m.Parent), uint64(m.Parent) + uint64(m.Count)
}

// tell is a mapping in words: both of its ranges, first and last.
func tell(m idmap.Mapping) string {
	from, to := ends(m)
	if m.Count == 1 {
		return fmt.Sprintf("inside %d is host %d", m.Inside, from)
	}
	return fmt.Sprintf("inside %d-%d is host %d-%d (%s)", m.Inside, uint64(m.Inside)+uint64(m.Count)-1, from, to-1, ids(uint64(m.Count)))
}

// ids says how many there are.
func ids(count uint64) string {
	if count == 1 {
		return "1 id"
	}
	return fmt.Sprintf("%d ids", count)
}

// fit cuts a name to a number of columns. Of a path the end stays: it tells siblings apart.
func fit(name string, columns int) string {
	if uniseg.StringWidth(name) <= columns {
		return name
	}
	path := strings.Split(name, "/")
	for i := 1; i < len(path); i++ {
		if short := "…/" + strings.Join(path[i:], "/"); uniseg.StringWidth(short) <= columns {
			return short
		}
	}
	return cut(path[len(path)-1], columns)
}

// cut leaves of a text what has room in a number of columns.
func cut(text string, columns int) string {
	if uniseg.StringWidth(text) <= columns {
		return text
	}
	if columns < 1 {
		return ""
	}
	short := ""
	for g := uniseg.NewGraphemes(text); g.Next() && uniseg.StringWidth(short+g.Str()) < columns; {
		short += g.Str()
	}
	return short + "…"
}
