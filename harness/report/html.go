package report

import (
	"embed"
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

// The pages, and what they share.
//
//go:embed *.html.tmpl
var pageFiles embed.FS

var pages = template.Must(template.New("pages").Funcs(template.FuncMap{
	"anchor": anchor, "draw": draw, "lines": lines, "outcomes": outcomes, "shown": showScenario, "title": title,
}).ParseFS(pageFiles, "*.html.tmpl"))

// shownScenario is a scenario of a run with that name, which may be empty.
type shownScenario struct {
	Run string
	Scenario
}

func showScenario(run string, s Scenario) shownScenario { return shownScenario{run, s} }

// writePage executes the template of a page.
func writePage(w io.Writer, name string, data any) error {
	escaped := printable.NewWriter(w)
	return errors.Join(pages.ExecuteTemplate(escaped, name, data), escaped.Flush())
}

// page is the data of the template.
type page struct {
	Comparison
	// Unfold reports whether all worse scenarios are shown unfolded.
	Unfold bool
	// Kinds are the changes in the comparison, with their numbers.
	Kinds []kind
	All   []ComparisonRow
}

type kind struct {
	Change Change
	Count  int
}

// maxUnfolded is the maximum number of worse scenarios that a page shows unfolded. For more, the
// list of names gives a better overview.
const maxUnfolded = 5

// unchanged is the page's word for no change.
const unchanged = Change("unchanged")

// WriteHTML writes the comparison as a self-contained page, with drawings of the chains and the
// diagnosis of failures.
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
	p.Unfold = worse <= maxUnfolded
	return writePage(w, "comparison.html.tmpl", p)
}

func lines(of []string) string { return strings.Join(of, "\n") }

// draw returns a drawing of the levels' uids, or "" without levels.
func draw(run string, levels []idmap.PlannedLevel) (template.HTML, error) {
	if len(levels) == 0 {
		return "", nil
	}
	bars := make([]drawing.Bar, len(levels))
	for i, l := range levels {
		bars[i] = drawing.Bar{Name: fmt.Sprintf("c%d", l.Level), Depth: l.Level, Host: l.Host.UID}
	}
	var svg strings.Builder
	title := "ids on the host"
	if run != "" {
		title += ", " + run
	}
	err := drawing.WriteSVG(&svg, bars, title)
	return template.HTML(svg.String()), err //nolint:gosec // drawing escapes what it is given
}
