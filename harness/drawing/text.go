package drawing

import (
	"fmt"
	"io"
	"strings"

	"github.com/rivo/uniseg"

	"nestbed/harness/printable"
)

// Options are what the terminal is like.
type Options struct {
	Width int  // in columns; 80 if it is not known
	Color bool // whether it shows colors
}

const (
	nameColumns = 6   // for "host", and for names as short; longer ones get more
	readable    = 100 // columns: more are taken only for labels
	widest      = 200
)

// palette are the SGR parameters (ECMA-48, 8.3.117) by hue: the terminal's own color for the
// host, then bright blue, cyan, yellow, magenta and green. Red is kept for problems.
var palette = [hues + 1]string{"", "94", "36", "33", "35", "32"}

const red = "31"

// WriteText draws the bars as lines of text, none wider than the terminal: an axis with the
// first host ids of the bars, as far as there is room, and a line for each bar.
func WriteText(w io.Writer, bars []Bar, o Options) error {
	if len(bars) == 0 {
		return nil
	}
	width := o.Width
	if width <= 0 {
		width = 80
	}
	names := columnsOfNames(bars, width)
	// The last column stays free: some terminals begin a new line when it is written.
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

// columnsOfNames is the room for names and what parts them from the bars: what they want, but
// no more than a third of the width.
func columnsOfNames(bars []Bar, width int) int {
	wanted := nameColumns
	for _, b := range bars {
		wanted = max(wanted, uniseg.StringWidth(printable.Line(b.Name))+2)
	}
	return min(wanted, max(nameColumns, width/3), width/2)
}

// columnsOfLabels is the room that the first host ids of all bars would take.
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

// line puts a name in front of what is drawn.
func line(name string, names int, drawn []rune, color string) string {
	name = fit(name, max(0, names-1))
	text := strings.TrimRight(name+strings.Repeat(" ", max(0, names-uniseg.StringWidth(name)))+string(drawn), " ")
	if color != "" {
		text = "\x1b[" + color + "m" + text + "\x1b[0m"
	}
	return text + "\n"
}

// blank is a line of the axis's length with nothing on it.
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

// stroke are the runes of a bar: its ends, what is between them, and both ends in one column.
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
