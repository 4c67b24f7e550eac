package drawing

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"

	"nestbed/harness/printable"
)

// Options describe the terminal.
type Options struct {
	Width int  // in columns; 0 means 80
	Color bool // use colors
}

const (
	nameColumns = 6   // for "host" and short names; longer names get more
	readable    = 100 // wider drawings only help labels
	widest      = 200
)

// palette has the SGR parameters (ECMA-48, 8.3.117) by hue: the terminal's default color for
// the host, then bright blue, cyan, yellow, magenta and green. Red is reserved for problems.
var palette = [hues + 1]string{"", "94", "36", "33", "35", "32"}

const red = "31"

// WriteText draws the bars as lines of text that fit the terminal: an axis with as many of the
// bars' first host ids as fit, and a line for each bar.
func WriteText(w io.Writer, bars []Bar, o Options) error {
	if len(bars) == 0 {
		return nil
	}
	width := o.Width
	if width <= 0 {
		width = 80
	}
	names := columnsOfNames(bars, width)
	// Leave the last column free: some terminals begin a new line when it is written.
	columns := min(width, max(readable, names+columnsOfLabels(bars)), widest) - 1 - names
	s := newScale(bars, ruler{length: max(1, columns), least: 1, fold: 4, digit: 1, space: 1})
	text := line("host", names, s.axis(bars), "")
	for _, b := range bars {
		color := ""
		if o.Color {
			color = palette[b.hue()]
			if b.Problem {
				color = red
			}
		}
		text += line(printable.Line(b.Name), names, s.bar(b), color)
	}
	_, err := io.WriteString(w, text)
	return err
}

// columnsOfNames returns the width of the names with the space after them: as much as they
// need, up to a third of the width.
func columnsOfNames(bars []Bar, width int) int {
	wanted := nameColumns
	for _, b := range bars {
		wanted = max(wanted, uniseg.StringWidth(printable.Line(b.Name))+2)
	}
	return min(wanted, max(nameColumns, width/3), width/2)
}

// columnsOfLabels returns the width that the first host ids of all bars would need.
func columnsOfLabels(bars []Bar) int {
	seen, sum := map[uint32]bool{}, 0
	for _, b := range bars {
		for _, m := range b.pieces() {
			if !seen[m.Parent] {
				seen[m.Parent] = true
				sum += len(fmt.Sprint(m.Parent)) + 1
			}
		}
	}
	return sum
}

// line puts a name in front of a drawn line.
func line(name string, names int, drawn []rune, color string) string {
	name = fit(name, max(0, names-1))
	text := strings.TrimRight(name+strings.Repeat(" ", max(0, names-uniseg.StringWidth(name)))+string(drawn), " ")
	if color != "" {
		text = "\x1b[" + color + "m" + text + "\x1b[0m"
	}
	return text + "\n"
}

// blank returns an empty line of the axis's length.
func (s scale) blank() []rune { return []rune(strings.Repeat(" ", s.length)) }

func (s scale) axis(bars []Bar) []rune {
	drawn := s.blank()
	labels, folds := s.annotate(bars)
	for _, l := range labels {
		copy(drawn[l.from:l.to], []rune(digits(l.id)))
	}
	for _, f := range folds {
		copy(drawn[f.from:f.to], []rune(strings.Repeat("╌", f.to-f.from)))
	}
	return drawn
}

// A stroke has the runes of a bar: its ends, the middle, and both ends in one column.
type stroke struct{ left, middle, right, single rune }

var (
	whole  = stroke{'├', '─', '┤', '│'}
	broken = stroke{'┣', '┅', '┫', '┇'}
)

func (s scale) bar(b Bar) []rune {
	drawn, style := s.blank(), whole
	if b.Problem {
		style = broken
	}
	if none := []rune("no ids"); len(b.pieces()) == 0 && len(none) <= len(drawn) {
		copy(drawn, none)
	}
	for _, m := range b.pieces() {
		left, right := s.place(ends(m))
		for i := left; i < right; i++ {
			drawn[i] = style.middle
		}
		drawn[left], drawn[right-1] = style.left, style.right
		if right-left == 1 {
			drawn[left] = style.single
		}
	}
	return drawn
}
