package report

import (
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/host"
)

// Comparison is several runs side by side. Each later run is compared with the first.
type Comparison struct {
	Columns []Column `json:"columns"`
	// Rows are the scenarios that changed in any run, the worst change first.
	Rows []ComparisonRow `json:"rows"`
	// Unchanged are the other scenarios; Same counts them.
	Unchanged []ComparisonRow `json:"-"`
	Same      int             `json:"same"`
	Worse     bool            `json:"worse"` // any run is worse than the first
}

// Column is one run.
type Column struct {
	// Name is old or new if there are two runs, else a letter.
	Name    string     `json:"name"`
	Facts   host.Facts `json:"facts"`
	Passed  int        `json:"passed"`
	Failed  int        `json:"failed"`
	Skipped int        `json:"skipped"`
	// Verdict compares the run with the first, which has none itself.
	Verdict *Verdict `json:"verdict,omitempty"`
}

// Verdict counts the scenarios of a run, or of the first run, by what became of them.
type Verdict struct {
	Same    int `json:"same"`
	Changed int `json:"changed"`
	Worse   int `json:"worse"` // of those that changed
}

// String returns the verdict in one line.
func (v Verdict) String() string {
	if v.Worse == 0 {
		return fmt.Sprintf("not worse: %d scenarios are as they were, %d differ", v.Same, v.Changed)
	}
	return fmt.Sprintf("worse: in %d of %d scenarios", v.Worse, v.Same+v.Changed)
}

// ComparisonRow is one scenario with a cell for each run.
type ComparisonRow struct {
	Scenario string `json:"scenario"`
	Change   Change `json:"change"` // the worst of the cells
	Cells    []Cell `json:"cells"`
}

// Cell is the outcome of a scenario in a run.
type Cell struct {
	// Status is empty if the run does not have the scenario.
	Status Status `json:"status,omitempty"`
	// Change is what became of the scenario since the first run.
	Change Change `json:"change,omitempty"`
	// Detail is why it failed or was skipped, or what differs between those that passed: reason, maps, time.
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

// MostRuns is how many runs a comparison can have: each has a letter.
const MostRuns = 26

// Compare compares each later run with the first, at most MostRuns in all.
// The times of more than two runs are compared only if the runs are of the same kernel.
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
			cells[s.Name][i] = Cell{Status: s.Status, Detail: s.Error, Scenario: s}
		}
	}
	for _, name := range names {
		c.add(newRow(name, cells[name], timed))
	}
	slices.SortStableFunc(c.Rows, func(a, b ComparisonRow) int { return a.Change.rank() - b.Change.rank() })
	return c
}

func newColumn(i, runs int, r Run) Column {
	c := Column{Name: string(rune('a' + i)), Facts: r.Facts}
	if runs == 2 {
		c.Name = []string{"old", "new"}[i]
	}
	if i > 0 {
		c.Verdict = &Verdict{}
	}
	for _, s := range r.Scenarios {
		switch s.Status {
		case Passed:
			c.Passed++
		case Failed:
			c.Failed++
		case Skipped:
			c.Skipped++
		}
	}
	return c
}

// newRow finds out what became of the scenario in each of the later cells.
func newRow(name string, cells []Cell, timed []bool) ComparisonRow {
	var signs []sign
	for i := 1; i < len(cells); i++ {
		var shown sign
		if cells[i].Change, shown = became(cells[0].Scenario, cells[i].Scenario, timed[i]); shown != nil {
			signs = append(signs, shown)
		}
	}
	for i := range cells {
		if cells[i].Status != Passed {
			continue
		}
		var details []string
		for _, shown := range signs {
			if detail := shown(cells[i].Scenario); !slices.Contains(details, detail) {
				details = append(details, detail)
			}
		}
		cells[i].Detail = strings.Join(details, "; ")
	}
	worst := slices.MinFunc(cells, func(a, b Cell) int { return a.Change.rank() - b.Change.rank() })
	return ComparisonRow{Scenario: name, Change: worst.Change, Cells: cells}
}

// add counts the row.
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
