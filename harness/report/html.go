package report

import (
	_ "embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"strings"

	"nestbed/harness/drawing"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/printable"
)

//go:embed compare.html.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// page is what the template shows.
type page struct {
	Old, New host.Facts
	Verdict  string
	Worse    bool
	// Few tells that what is worse can all be shown unfolded.
	Few bool
	// Kinds are the changes that there are, and how many of each.
	Kinds []kind
	Rows  []pageRow
}

type kind struct {
	Change Change
	Count  int
}

// few is how many scenarios that are worse a page unfolds: of more, their names are the better overview.
const few = 5

// unchanged is what the page calls a scenario that is what it was.
const unchanged = Change("unchanged")

// pageRow is one scenario. Old and New are what differs.
type pageRow struct {
	Scenario string
	Change   Change
	Worse    bool
	Old, New string
	Sides    []side
}

// side is a scenario in one of the runs.
type side struct {
	Run       string // old or new
	Status    Status
	Seconds   []float64
	Stop      string
	Error     string
	Diagnosis string
	Drawing   template.HTML
}

// WriteHTML writes the comparison as one page that needs nothing else: the chains are drawn, and failures are shown with
// what was found out about them.
func (c Comparison) WriteHTML(w io.Writer) error {
	p := page{Old: c.Old.Facts, New: c.New.Facts, Verdict: c.Verdict(), Worse: c.Worse, Few: c.worse() <= few}
	before, after := byName(c.Old), byName(c.New)
	differ := map[string]bool{}
	add := func(d Difference) error {
		row := pageRow{Scenario: d.Scenario, Change: d.Change, Worse: d.Change.Worse(), Old: d.Old, New: d.New}
		for _, of := range []struct {
			run   string
			among map[string]Scenario
		}{{"old", before}, {"new", after}} {
			s, there := of.among[d.Scenario]
			if !there {
				continue
			}
			shown, err := s.show(of.run)
			if err != nil {
				return err
			}
			row.Sides = append(row.Sides, shown)
		}
		p.Rows = append(p.Rows, row)
		if n := len(p.Kinds); n > 0 && p.Kinds[n-1].Change == d.Change {
			p.Kinds[n-1].Count++
		} else {
			p.Kinds = append(p.Kinds, kind{d.Change, 1})
		}
		return nil
	}
	for _, d := range c.Differences {
		differ[d.Scenario] = true
		if err := add(d); err != nil {
			return err
		}
	}
	for _, s := range c.New.Scenarios {
		if differ[s.Name] {
			continue
		}
		if err := add(Difference{Change: unchanged, Scenario: s.Name, New: string(s.Status)}); err != nil {
			return err
		}
	}
	escaped := printable.NewWriter(w)
	return errors.Join(pageTemplate.Execute(escaped, p), escaped.Flush())
}

// show prepares a scenario for the page.
func (s Scenario) show(run string) (side, error) {
	shown := side{Run: run, Status: s.Status, Seconds: s.Seconds, Error: s.Error, Diagnosis: strings.Join(s.Diagnosis, "\n")}
	if s.Stop != nil {
		shown.Stop = s.Stop.String()
	}
	if len(s.Levels) == 0 {
		return shown, nil
	}
	var svg strings.Builder
	if err := drawing.WriteSVG(&svg, bars(s.Levels), "ids on the host, "+run); err != nil {
		return side{}, err
	}
	shown.Drawing = template.HTML(svg.String()) //nolint:gosec // drawing escapes what it is given
	return shown, nil
}

// bars are the uids of the levels, to be drawn.
func bars(levels []idmap.PlannedLevel) []drawing.Bar {
	all := make([]drawing.Bar, len(levels))
	for i, l := range levels {
		all[i] = drawing.Bar{Name: fmt.Sprintf("c%d", l.Level), Depth: l.Level, Host: l.Host.UID}
	}
	return all
}
