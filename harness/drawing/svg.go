package drawing

import (
	"bytes"
	_ "embed"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"text/template"

	"github.com/rivo/uniseg"

	"nestbed/harness/idmap"
	"nestbed/harness/printable"
)

// Sizes in pixels. A character is a little narrower than this in the fonts of the drawing. In
// other fonts the text fits less exactly but does not overlap.
const (
	svgWidth  = 960
	margin    = 24
	character = 7
	longest   = 32 // characters of a name
	pad       = 6  // around a text
	axisY     = 76
	firstRow  = axisY + 14
	rowHeight = 26
	barHeight = 18
)

// A sheet is the input of the template, in its order.
type sheet struct {
	Width, Height     int
	Title, Head       string // the full title, and as much of it as fits
	Left, Right, Axis int
	Bands             []box
	Guides            []guide
	Gaps              []box
	Rows              []row
}

// A box is a rectangle with the class of its color and the tooltip.
type box struct {
	X, Y, Width, Height int
	Class, Tip          string
	Text                string
}

// A guide is a host id on the axis, and the line from there down to the bar that begins with
// it.
type guide struct {
	X, Down int
	ID      string
	IDX     int
	Back    bool // the id ends at IDX
}

// A row is a bar with its name and a note next to it.
type row struct {
	Name, Tip, Class string
	Y                int
	Pieces           []box
	Note             string
	NoteX            int
	NoteBack         bool // the note ends at NoteX
}

//go:embed drawing.svg.tmpl
var svgText string

var svgTemplate = template.Must(template.New("svg").Funcs(template.FuncMap{
	"xml": func(text string) (string, error) {
		var b bytes.Buffer
		err := xml.EscapeText(&b, []byte(text))
		return b.String(), err
	},
	"add": func(a, b int) int { return a + b },
}).Parse(svgText))

// WriteSVG draws the bars as a self-contained file for light and dark pages. A container's bar
// lies in the shadow of its parent's bar.
func WriteSVG(w io.Writer, bars []Bar, title string) error {
	names := len("host")
	for _, b := range bars {
		names = max(names, min(uniseg.StringWidth(printable.Line(b.Name)), longest))
	}
	d := sheet{
		Width: svgWidth, Height: firstRow + len(bars)*rowHeight + margin - (rowHeight - barHeight),
		Title: printable.Line(title), Left: margin + names*character + 2*pad, Right: svgWidth - margin, Axis: axisY,
	}
	d.Head = cut(d.Title, (svgWidth-2*margin)/(character+1))
	s := newScale(bars, ruler{length: d.Right - d.Left, least: 3, fold: 40, digit: character, space: 8})
	labels, folds := s.annotate(bars)
	for _, f := range folds {
		d.Gaps = append(d.Gaps, box{
			X: d.Left + f.from, Width: f.to - f.from, Y: axisY,
			Tip: fmt.Sprintf("no container here has host ids %d-%d (%s)", f.first, f.last, ids(f.last-f.first+1)),
		})
	}
	for _, l := range labels {
		g := guide{X: d.Left + l.at, Down: firstRow + first(bars, l.id)*rowHeight, ID: digits(l.id), IDX: d.Left + l.from}
		if l.back {
			g.Back, g.IDX = true, d.Left+l.to
		}
		d.Guides = append(d.Guides, g)
	}
	for i, b := range bars {
		d.Rows = append(d.Rows, s.row(b, firstRow+i*rowHeight, d.Left))
		d.Bands = append(d.Bands, s.bands(bars, i, d.Left)...)
	}
	var out bytes.Buffer
	if err := svgTemplate.Execute(&out, d); err != nil {
		return err
	}
	_, err := w.Write(out.Bytes())
	return err
}

// first returns the index of the first bar with a piece that begins with the host id.
func first(bars []Bar, id uint64) int {
	for i, b := range bars {
		for _, m := range b.pieces() {
			if uint64(m.Parent) == id {
				return i
			}
		}
	}
	return len(bars)
}

func (b Bar) class() string {
	if b.Problem {
		return "problem"
	}
	return fmt.Sprintf("hue%d", b.hue())
}

// row draws one bar. Pieces that are wide enough have their host ids written on them. A bar
// with a single piece that is not wide enough has them next to it.
func (s scale) row(b Bar, y, left int) row {
	r := row{Name: fit(printable.Line(b.Name), longest), Y: y, Class: b.class()}
	pieces, tips := b.pieces(), []string(nil)
	for _, m := range pieces {
		from, to := s.place(ends(m))
		p := box{X: left + from, Y: y, Width: to - from, Height: barHeight, Tip: describe(m)}
		long, short := notes(m)
		for _, text := range []string{long, short} {
			if p.Text == "" && len(text)*character+2*pad <= p.Width {
				p.Text = text
			}
		}
		if beside := len(long)*character + 2*pad; p.Text == "" && len(pieces) == 1 {
			switch {
			case beside <= from:
				r.Note, r.NoteX, r.NoteBack = long, p.X-pad, true
			case beside <= s.length-to:
				r.Note, r.NoteX = long, p.X+p.Width+pad
			}
		}
		r.Pieces, tips = append(r.Pieces, p), append(tips, p.Tip)
	}
	if len(pieces) == 0 {
		tips, r.Note, r.NoteX = []string{"no ids"}, "no ids", left
	}
	r.Tip = printable.Line(b.Name) + ": " + strings.Join(tips, ", ")
	if b.Problem {
		r.Tip += "; its ids are wrong"
	}
	return r
}

// notes returns a long and a short text for a piece.
func notes(m idmap.Mapping) (long, short string) {
	from, to := ends(m)
	short = fmt.Sprintf("%d-%d", from, to-1)
	if m.Count == 1 {
		short = digits(from)
	}
	return fmt.Sprintf("%s (%s)", short, ids(uint64(m.Count))), short
}

// bands returns the shadows of a bar on the rows of the bars that it contains.
func (s scale) bands(bars []Bar, i, left int) []box {
	var bands []box
	for _, m := range bars[i].pieces() {
		last := i
		for j := i + 1; j < len(bars); j++ {
			if bars[j].Depth > bars[i].Depth && overlap(m, bars[j]) {
				last = j
			}
		}
		if l, to := s.place(ends(m)); last > i {
			bands = append(bands, box{
				X: left + l, Width: to - l, Class: bars[i].class(),
				Y: firstRow + i*rowHeight + barHeight, Height: (last-i)*rowHeight + 4,
			})
		}
	}
	return bands
}

// overlap reports whether a bar has a host id of the mapping.
func overlap(m idmap.Mapping, b Bar) bool {
	from, to := ends(m)
	for _, other := range b.pieces() {
		if f, t := ends(other); f < to && from < t {
			return true
		}
	}
	return false
}
