package report

import (
	"fmt"
	"io"
	"strings"

	"nestbed/harness/idmap"
)

// labelWidth is the room for a level's name at the left of the drawing.
const labelWidth = 6

// WriteDrawing draws how the levels' uids nest inside one another on the host:
// one bar a level, over an axis of host ids. width is that of the terminal, in columns.
func WriteDrawing(w io.Writer, levels []Level, width int) error {
	if len(levels) == 0 {
		return nil
	}
	from, to := span(levels[0].Host.UID)
	for _, l := range levels[1:] {
		f, t := span(l.Host.UID)
		from, to = min(from, f), max(to, t)
	}
	columns := max(2, min(width, 100)-labelWidth-1)
	column := func(id uint64) int { return int((id - from) * uint64(columns-1) / max(1, to-from)) }

	axis := []rune(strings.Repeat(" ", columns))
	free := 0
	for _, l := range levels {
		start, _ := span(l.Host.UID)
		label := []rune(fmt.Sprint(start))
		// A label that would run into the one before it, or over the edge, is left out: the table has the number.
		if at := column(start); at >= free && at+len(label) <= columns {
			copy(axis[at:], label)
			free = at + len(label) + 1
		}
	}
	lines := []string{"host", strings.TrimRight(string(axis), " ")}
	text := fmt.Sprintf("%-*s%s\n", labelWidth, lines[0], lines[1])
	for _, l := range levels {
		bar := []rune(strings.Repeat(" ", columns))
		for _, m := range l.Host.UID {
			left, right := column(uint64(m.Parent)), column(uint64(m.Parent)+uint64(m.Count))
			for i := left; i <= right; i++ {
				bar[i] = '─'
			}
			bar[left], bar[right] = '├', '┤'
		}
		text += fmt.Sprintf("%-*s%s\n", labelWidth, l.Name, strings.TrimRight(string(bar), " "))
	}
	_, err := io.WriteString(w, text)
	return err
}

// span is the first host id of the mappings, and the first beyond them.
func span(mappings []idmap.Mapping) (from, to uint64) {
	from = 1 << 32
	for _, m := range mappings {
		from = min(from, uint64(m.Parent))
		to = max(to, uint64(m.Parent)+uint64(m.Count))
	}
	return from, to
}
