package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Versions shows which behaviors hold in which runs, one run for each version of LXD or Incus.
type Versions struct {
	Columns   []Column   `json:"columns"`
	Behaviors []Behavior `json:"behaviors"`
	Same      int        `json:"same"` // behaviors that Different left out
}

// A Behavior is a rule of a feature. The scenarios of a feature that belong to no rule are one,
// too.
type Behavior struct {
	Feature string  `json:"feature"`
	Rule    string  `json:"rule,omitempty"`
	Counts  []Count `json:"counts"` // one for each run
	// Differences are the scenarios that hold in some of the runs only.
	Differences []Difference `json:"differences,omitempty"`
}

// A Count counts the scenarios of a behavior in a run.
type Count struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Other   int `json:"other"`   // for other versions
	Skipped int `json:"skipped"` // not possible on that machine
}

// String returns the count in a word or two.
func (c Count) String() string {
	known := c.Passed + c.Failed + c.Other
	switch {
	case known == 0:
		return "-"
	case c.Failed > 0:
		return fmt.Sprintf("%d FAILED", c.Failed)
	case c.Passed == 0:
		return "no"
	case c.Other == 0:
		return "yes"
	}
	return fmt.Sprintf("%d of %d", c.Passed, known)
}

// A Difference is a scenario that holds in some of the runs only.
type Difference struct {
	Scenario string `json:"scenario"`
	// Holds are the names of the columns in which the scenario passed, Failed those in which it
	// failed.
	Holds  []string `json:"holds"`
	Failed []string `json:"failed,omitempty"`
	// Tag is the scenario's tag for versions, such as @lxd, if that excluded it from a run. Fact
	// says what is different in the other versions.
	Tag  string `json:"tag,omitempty"`
	Fact string `json:"fact,omitempty"`
}

// NewVersions makes the table from at least two and at most MostRuns runs. It fails if a run names
// no rules, as those of an earlier nestbed do.
func NewVersions(runs ...Run) (Versions, error) {
	for _, r := range runs {
		if !slices.ContainsFunc(r.Scenarios, func(s Scenario) bool { return s.Rule != "" }) {
			return Versions{}, fmt.Errorf("run of %s: it names no rules of features; run the scenarios again with this nestbed", r.Facts)
		}
	}
	c := Compare(runs[0], runs[1:]...)
	v := Versions{Columns: c.Columns, Behaviors: []Behavior{}}
	rows := slices.Concat(c.Rows, c.Unchanged)
	slices.SortFunc(rows, func(a, b ComparisonRow) int {
		return cmp.Or(cmp.Compare(a.feature(), b.feature()), cmp.Compare(a.rule(), b.rule()), cmp.Compare(a.Scenario, b.Scenario))
	})
	for _, row := range rows {
		last := len(v.Behaviors) - 1
		if last < 0 || v.Behaviors[last].Feature != row.feature() || v.Behaviors[last].Rule != row.rule() {
			v.Behaviors = append(v.Behaviors, Behavior{Feature: row.feature(), Rule: row.rule(), Counts: make([]Count, len(runs))})
			last++
		}
		v.Behaviors[last].add(row, c.Columns)
	}
	return v, nil
}

func (r ComparisonRow) feature() string {
	feature, _, _ := strings.Cut(r.Scenario, ": ")
	return feature
}

func (r ComparisonRow) rule() string {
	for _, cell := range r.Cells {
		if cell.Scenario.Rule != "" {
			return cell.Scenario.Rule
		}
	}
	return ""
}

// add counts a scenario. One that ran nowhere says nothing about the versions.
func (b *Behavior) add(row ComparisonRow, columns []Column) {
	ran := func(c Cell) bool { return c.Status == Passed || c.Status == Failed }
	if !slices.ContainsFunc(row.Cells, ran) {
		return
	}
	d := Difference{Holds: []string{}}
	_, d.Scenario, _ = strings.Cut(row.Scenario, ": ")
	for i, cell := range row.Cells {
		count := &b.Counts[i]
		switch {
		case cell.Status == Passed:
			count.Passed++
			d.Holds = append(d.Holds, columns[i].Name)
		case cell.Status == Failed:
			count.Failed++
			d.Failed = append(d.Failed, columns[i].Name)
		case cell.Scenario.Tag != "":
			count.Other++
			d.Tag, d.Fact = cell.Scenario.Tag, cell.Scenario.Fact
		case cell.Status == Skipped:
			count.Skipped++
		}
	}
	if d.Failed != nil || d.Tag != "" {
		b.Differences = append(b.Differences, d)
	}
}

// Different returns the table with only the behaviors that differ between the runs.
func (v Versions) Different() Versions {
	all := len(v.Behaviors)
	v.Behaviors = slices.DeleteFunc(slices.Clone(v.Behaviors), func(b Behavior) bool { return b.Differences == nil })
	v.Same += all - len(v.Behaviors)
	return v
}

// Write prints the behaviors as a table, each followed by the scenarios that hold in some runs
// only, and why.
func (v Versions) Write(w io.Writer) error {
	rows := make([]tableRow, len(v.Behaviors))
	for i, b := range v.Behaviors {
		rows[i].name = b.Name()
		for _, c := range b.Counts {
			rows[i].cells = append(rows[i].cells, c.String())
		}
		for n, d := range b.Differences {
			rows[i].below = append(rows[i].below, d.Where()+": "+d.Scenario)
			if d.Fact != "" && (n+1 == len(b.Differences) || b.Differences[n+1].Fact != d.Fact) {
				rows[i].below = append(rows[i].below, "  "+d.Fact)
			}
		}
	}
	if err := writeColumns(w, v.Columns, "behavior", rows); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n%s\n", v.verdict())
	return err
}

// Where returns where the scenario holds, such as "a, b (@lxd)".
func (d Difference) Where() string {
	where := cmp.Or(strings.Join(d.Holds, ", "), "nowhere")
	if d.Tag != "" {
		where += " (" + d.Tag + ")"
	}
	if d.Failed != nil {
		where += ", FAILED in " + strings.Join(d.Failed, ", ")
	}
	return where
}
