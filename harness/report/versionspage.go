package report

import (
	"fmt"
	"io"
	"strings"
)

// versionsPage is the data of the page of the table of versions.
type versionsPage struct {
	Versions
	Verdict  string
	Kinds    []behaviorKind
	Subjects []behaviorSubject
}

// A behaviorKind is one of the filters of the page.
type behaviorKind struct {
	Name  string
	Count int
	Shown bool
}

// A behaviorSubject is the behaviors of one feature.
type behaviorSubject struct {
	Name      string
	Behaviors []Behavior
}

// The kinds of behaviors on the page.
const (
	differs = "differs"
	same    = "same everywhere"
)

// WriteHTML writes the table as a self-contained page, with the scenarios that hold in some runs
// only, and why.
func (v Versions) WriteHTML(w io.Writer) error {
	different := v.Different()
	p := versionsPage{Versions: v, Verdict: v.verdict()}
	p.Kinds = []behaviorKind{{differs, len(different.Behaviors), true}, {same, different.Same - v.Same, false}}
	for _, b := range v.Behaviors {
		if n := len(p.Subjects); n == 0 || p.Subjects[n-1].Name != b.Feature {
			p.Subjects = append(p.Subjects, behaviorSubject{Name: b.Feature})
		}
		last := &p.Subjects[len(p.Subjects)-1]
		last.Behaviors = append(last.Behaviors, b)
	}
	return writePage(w, "versions.html.tmpl", p)
}

// verdict returns how many behaviors differ, in one line.
func (v Versions) verdict() string {
	different := v.Different()
	return fmt.Sprintf("%d behaviors differ, %d are the same everywhere", len(different.Behaviors), different.Same)
}

// Name returns the feature and the rule.
func (b Behavior) Name() string { return strings.TrimSuffix(b.Feature+": "+b.Rule, ": ") }

// Kind returns the behavior's kind on the page.
func (b Behavior) Kind() string {
	if b.Differences == nil {
		return same
	}
	return differs
}
