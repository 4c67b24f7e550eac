package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

// runPage is the data of the page of a run.
type runPage struct {
	Run
	Passed, Failed, Skipped int
	Seconds                 float64 // of all scenarios
	Failures                []string
	Unfold                  bool // whether failures are shown unfolded
	Kinds                   []statusCount
	Subjects                []subject
}

type statusCount struct {
	Status Status
	Count  int
}

// A subject is the scenarios of one feature.
type subject struct {
	Name      string
	Scenarios []Scenario
}

// WriteHTML writes the run as a self-contained page: the verdict, the failures with their
// diagnosis, and all scenarios by feature, with drawings of the chains.
func (r Run) WriteHTML(w io.Writer) error { return writePage(w, "run.html.tmpl", r.page()) }

func (r Run) page() runPage {
	p := runPage{Run: r, Passed: r.Count(Passed), Failed: r.Count(Failed), Skipped: r.Count(Skipped)}
	p.Kinds = []statusCount{{Failed, p.Failed}, {Passed, p.Passed}, {Skipped, p.Skipped}}
	p.Kinds = slices.DeleteFunc(p.Kinds, func(k statusCount) bool { return k.Count == 0 })
	for _, s := range r.Scenarios {
		p.Seconds += s.Took()
		if s.Status == Failed {
			p.Failures = append(p.Failures, s.Name)
		}
		feature, _, _ := strings.Cut(s.Name, ": ")
		if n := len(p.Subjects); n == 0 || p.Subjects[n-1].Name != feature {
			p.Subjects = append(p.Subjects, subject{Name: feature})
		}
		last := &p.Subjects[len(p.Subjects)-1]
		last.Scenarios = append(last.Scenarios, s)
	}
	p.Unfold = len(p.Failures) <= maxUnfolded
	return p
}

// Verdict returns the result of the run in one line.
func (p runPage) Verdict() string {
	switch ran := p.Passed + p.Failed; {
	case p.Interrupted:
		return fmt.Sprintf("interrupted: %d of %d scenarios passed", p.Passed, ran)
	case ran == 0:
		return "no scenario was run"
	case p.Failed > 0:
		return fmt.Sprintf("%d of %d scenarios failed", p.Failed, ran)
	default:
		return fmt.Sprintf("all %d scenarios passed", ran)
	}
}

// title returns the name of a scenario without that of its feature.
func title(name string) string {
	_, scenario, _ := strings.Cut(name, ": ")
	return scenario
}

// anchor returns the id of a scenario in a page, which is the same in the pages of all runs. It has
// no spaces, as HTML requires.
func anchor(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return '-'
	}, name)
}
