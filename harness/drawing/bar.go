// Package drawing draws the ids of nested containers on the host, as text for a terminal or as
// SVG. Each container is a bar over an axis of host ids.
//
// The axis is to scale, with three exceptions that keep everything visible. The smallest range
// still takes a column. A gap of ids that no container has is folded to a few columns, marked
// ╌╌, if it is longer than one of the runs of ids next to it. If there are more pieces than
// columns, all pieces have the same width.
package drawing

import (
	"fmt"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"nestbed/harness/idmap"
)

// A Bar is one container, or the host's own allocation.
type Bar struct {
	Name  string // c1, or c1/c2 in a tree
	Depth int    // 1 for level 1, 0 for the host's own ids; it decides the color and the nesting in SVG
	// Host is the map in host ids. Only its host ids are drawn. To draw gids, set it to the map
	// of the gids.
	Host []idmap.Mapping
	// Problem is true if the container's ids are wrong, for example incomplete. Its bar is
	// drawn as broken.
	Problem bool
}

// hues is the number of colors, which repeat with the depth. Problem has a color of its own.
const hues = 5

// hue returns the number of a bar's color: 1 to hues, or 0 for the host.
func (b Bar) hue() int {
	if b.Depth <= 0 {
		return 0
	}
	return (b.Depth-1)%hues + 1
}

// pieces returns the mappings that are not empty.
func (b Bar) pieces() []idmap.Mapping {
	return slices.DeleteFunc(slices.Clone(b.Host), func(m idmap.Mapping) bool { return m.Count == 0 })
}

// ends returns the first host id of a mapping, and the first one after it.
func ends(m idmap.Mapping) (from, to uint64) {
	return uint64(m.Parent), uint64(m.Parent) + uint64(m.Count)
}

// describe describes a mapping: both of its ranges, first and last id.
func describe(m idmap.Mapping) string {
	from, to := ends(m)
	if m.Count == 1 {
		return fmt.Sprintf("inside %d is host %d", m.Inside, from)
	}
	return fmt.Sprintf("inside %d-%d is host %d-%d (%s)", m.Inside, uint64(m.Inside)+uint64(m.Count)-1, from, to-1, ids(uint64(m.Count)))
}

// ids returns a number of ids in words.
func ids(count uint64) string {
	if count == 1 {
		return "1 id"
	}
	return fmt.Sprintf("%d ids", count)
}

// fit shortens a name to a number of columns. It keeps the end of a path, which distinguishes
// siblings.
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

// cut shortens a text to a number of columns.
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
