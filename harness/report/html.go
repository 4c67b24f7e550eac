package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"nestbed/harness/drawing"
	"nestbed/harness/idmap"
	"nestbed/harness/printable"
)

//go:embed comparison.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"draw": draw, "lines": lines, "outcomes": outcomes}).Parse(pageText))

// page is what the template shows.
type page struct {
	Comparison
	// Few reports whether everything that is worse can be shown unfolded.
	Few bool
	// Kinds are the changes that there are, and how many of each.
	Kinds []kind
	All   []ComparisonRow
}

type kind struct {
	Change Change
	Count  int
}

// few is how many scenarios that are worse a page unfolds: of more, their names are the better overview.
const few = 5

// unchanged is what the page calls a scenario that is what it was.
const unchanged = Change("unchanged")

// WriteHTML writes the comparison as one page that needs nothing else: the chains are drawn, and failures are shown with
// their diagnosis.
func (c Comparison) WriteHTML(w io.Writer) error {
	p := page{Comparison: c, All: slices.Concat(c.Rows, c.Unchanged)}
	worse := 0
	for i := range p.All {
		row := &p.All[i]
		if row.Change.Worse() {
			worse++
		}
		if row.Change == "" {
			row.Change = unchanged
		}
		if n := len(p.Kinds); n == 0 || p.Kinds[n-1].Change != row.Change {
			p.Kinds = append(p.Kinds, kind{Change: row.Change})
		}
		p.Kinds[len(p.Kinds)-1].Count++
	}
	p.Few = worse <= few
	escaped := printable.NewWriter(w)
	return errors.Join(pageTemplate.Execute(escaped, p), escaped.Flush())
}

func lines(of []string) string { return strings.Join(of, "\n") }

// draw draws the uids of the levels, "" if there are none.
func draw(run string, levels []idmap.PlannedLevel) (template.HTML, error) {
	if len(levels) == 0 {
		return "", nil
	}
	bars := make([]drawing.Bar, len(levels))
	for i, l := range levels {
		bars[i] = drawing.Bar{Name: fmt.Sprintf("c%d", l.Level), Depth: l.Level, Host: l.Host.UID}
	}
	var svg strings.Builder
	err := drawing.WriteSVG(&svg, bars, "ids on the host, "+run)
	return template.HTML(svg.String()), err //nolint:gosec // drawing escapes what it is given
}
