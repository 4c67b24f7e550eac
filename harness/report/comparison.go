package report

import (
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/host"
)

// A Comparison is several runs side by side. Each later run is compared with the first.
type Comparison struct {
	Columns []Column `json:"columns"`
	// Rows are the scenarios that changed in any run, the worst change first.
	Rows []ComparisonRow `json:"rows"`
	// Unchanged are the other scenarios. Same is their number.
	Unchanged []ComparisonRow `json:"-"`
	Same      int             `json:"same"`
	Worse     bool            `json:"worse"` // whether any run is worse than the first
}

// A Column is one run.
type Column struct {
	// Name is "old" or "new" if there are two runs, and a letter otherwise.
	Name    string     `json:"name"`
	Facts   host.Facts `json:"facts"`
	Passed  int        `json:"passed"`
	Failed  int        `json:"failed"`
	Skipped int        `json:"skipped"`
	// Verdict compares the run with the first. The first run has none.
	Verdict *Verdict `json:"verdict,omitempty"`
}

// A Verdict counts the scenarios of a run and of the first run by their changes.
type Verdict struct {
	Same    int `json:"same"`
	Changed int `json:"changed"` // includes Worse
	Worse   int `json:"worse"`
}

// String returns the verdict in one line.
func (v Verdict) String() string {
	if v.Worse == 0 {
		return fmt.Sprintf("not worse: %d scenarios are as they were, %d differ", v.Same, v.Changed)
	}
	return fmt.Sprintf("worse: in %d of %d scenarios", v.Worse, v.Same+v.Changed)
}

// A ComparisonRow is one scenario, with a cell for each run.
type ComparisonRow struct {
	Scenario string `json:"scenario"`
	Change   Change `json:"change"` // the worst of the cells
	Cells    []Cell `json:"cells"`
}

// A Cell is the outcome of a scenario in a run.
type Cell struct {
	// Status is empty if the run does not have the scenario.
	Status Status `json:"status,omitempty"`
	// Change is the change from the first run.
	Change Change `json:"change,omitempty"`
	// Detail is the error of a scenario that failed or was skipped, or the parts of a passed one
	// that changed: reason, maps, time.
	Detail   string   `json:"detail,omitempty"`
	Scenario Scenario `json:"-"`
}

// String returns the cell in one line.
func (c Cell) String() string {
	switch {
	case c.Status == "":
		return "not in the run"
	case c.Detail == "":
		return string(c.Status)
	case c.Status == Passed:
		return c.Detail
	}
	return string(c.Status) + ": " + c.Detail
}

// MostRuns is the maximum number of runs in a comparison, because each is named by a letter.
const MostRuns = 26

// Compare compares each later run with the first. There must be at most MostRuns runs. With more
// than two runs, it compares the time of a run only if its kernel is that of the first.
func Compare(first Run, later ...Run) Comparison {
	c := Comparison{Columns: []Column{}, Rows: []ComparisonRow{}}
	runs := append([]Run{first}, later...)
	timed := make([]bool, len(runs))
	var names []string
	cells := map[string][]Cell{}
	for i, r := range runs {
		c.Columns = append(c.Columns, newColumn(i, len(runs), r))
		timed[i] = len(runs) == 2 || r.Facts.Kernel == first.Facts.Kernel
		for _, s := range r.Scenarios {
			if cells[s.Name] == nil {
				names = append(names, s.Name)
				cells[s.Name] = make([]Cell, len(runs))
			}
			cells[s.Name][i] = Cell{Status: s.Status, Detail: detailOf(s), Scenario: s}
		}
	}
	for _, name := range names {
		c.add(newRow(name, cells[name], timed))
	}
	slices.SortStableFunc(c.Rows, func(a, b ComparisonRow) int { return a.Change.rank() - b.Change.rank() })
	return c
}

func newColumn(i, runs int, r Run) Column {
	c := Column{Name: string(rune('a' + i)), Facts: r.Facts, Passed: r.Count(Passed), Failed: r.Count(Failed), Skipped: r.Count(Skipped)}
	if runs == 2 {
		c.Name = []string{"old", "new"}[i]
	}
	if i > 0 {
		c.Verdict = &Verdict{}
	}
	return c
}

// detailOf returns why a scenario failed or was skipped.
func detailOf(s Scenario) string {
	if s.Tag != "" {
		return s.Tag + ": " + s.Fact
	}
	return s.Error
}

// newRow compares each later cell of a scenario with the first.
func newRow(name string, cells []Cell, timed []bool) ComparisonRow {
	var describers []describe
	for i := 1; i < len(cells); i++ {
		var shown describe
		if cells[i].Change, shown = changeBetween(cells[0].Scenario, cells[i].Scenario, timed[i]); shown != nil {
			describers = append(describers, shown)
		}
	}
	for i := range cells {
		if cells[i].Status != Passed {
			continue
		}
		var details []string
		for _, shown := range describers {
			if detail := shown(cells[i].Scenario); !slices.Contains(details, detail) {
				details = append(details, detail)
			}
		}
		cells[i].Detail = strings.Join(details, "; ")
	}
	worst := slices.MinFunc(cells, func(a, b Cell) int { return a.Change.rank() - b.Change.rank() })
	return ComparisonRow{Scenario: name, Change: worst.Change, Cells: cells}
}

// add adds a row and counts it in the verdicts.
func (c *Comparison) add(row ComparisonRow) {
	for i, cell := range row.Cells[1:] {
		switch v := c.Columns[i+1].Verdict; {
		case cell.Change.Worse():
			v.Worse++
			c.Worse = true
			fallthrough
		case cell.Change != "":
			v.Changed++
		case cell.Status != "":
			v.Same++
		}
	}
	if row.Change == "" {
		c.Unchanged, c.Same = append(c.Unchanged, row), c.Same+1
		return
	}
	c.Rows = append(c.Rows, row)
}
