package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"nestbed/harness/host"
)

// Matrix is several runs side by side, each on a machine and with a version of its own.
type Matrix struct {
	Columns []Column `json:"columns"`
	// Rows are the scenarios that are not the same in every column, in the order of their names.
	Rows []MatrixRow `json:"rows"`
	Same int         `json:"same"` // scenarios that are
}

// Column is one run.
type Column struct {
	// Name is a letter, from a on.
	Name    string     `json:"name"`
	Facts   host.Facts `json:"facts"`
	Passed  int        `json:"passed"`
	Failed  int        `json:"failed"`
	Skipped int        `json:"skipped"`
}

// MatrixRow is one scenario, with what it came to in each column.
type MatrixRow struct {
	Scenario string `json:"scenario"`
	Cells    []Cell `json:"cells"`
}

// Cell is what a scenario came to in a run.
type Cell struct {
	// Status is empty where the run did not have the scenario.
	Status Status `json:"status,omitempty"`
	// Detail is why it failed or was skipped; of one that passed where and why its chain stopped, if it did.
	Detail string `json:"detail,omitempty"`
	// Maps are those of the levels of one that passed, in a line.
	Maps string `json:"maps,omitempty"`
}

func (c Cell) String() string {
	switch {
	case c.Status == "":
		return "not in the run"
	case c.Detail == "" && c.Maps == "":
		return string(c.Status)
	}
	return string(c.Status) + ": " + c.Detail + c.Maps
}

// MostRuns is how many runs a matrix can have: each has a letter.
const MostRuns = 26

// NewMatrix puts the runs side by side, at most MostRuns.
func NewMatrix(runs []Run) Matrix {
	m := Matrix{Columns: []Column{}, Rows: []MatrixRow{}}
	var names []string
	var named []map[string]Scenario
	for i, r := range runs {
		c := Column{Name: string(rune('a' + i)), Facts: r.Facts}
		for _, s := range r.Scenarios {
			names = append(names, s.Name)
			switch s.Status {
			case Passed:
				c.Passed++
			case Failed:
				c.Failed++
			case Skipped:
				c.Skipped++
			}
		}
		m.Columns, named = append(m.Columns, c), append(named, byName(r))
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		row := MatrixRow{Scenario: name}
		for _, of := range named {
			row.Cells = append(row.Cells, of[name].cell())
		}
		if len(slices.Compact(slices.Clone(row.Cells))) == 1 {
			m.Same++
			continue
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

func (s Scenario) cell() Cell {
	c := Cell{Status: s.Status, Detail: s.Error}
	if s.Status != Passed {
		return c
	}
	if s.Stop != nil {
		c.Detail = "stops: " + s.Stop.String()
		return c
	}
	var lines []string
	for i := range s.Levels {
		lines = append(lines, mapsOf(s.Levels, i))
	}
	c.Maps = strings.Join(lines, "; ")
	return c
}

// marks are what the table has for a status.
var marks = map[Status]string{Passed: "ok", Failed: "FAILED", Skipped: "skipped", "": "-"}

// Write prints the columns, then the table of scenarios that differ, under each what it came to.
func (m Matrix) Write(w io.Writer) error {
	for _, c := range m.Columns {
		fmt.Fprintf(w, "%s  %d passed, %d failed, %d skipped: %s\n", c.Name, c.Passed, c.Failed, c.Skipped, c.Facts)
	}
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, c := range m.Columns {
		fmt.Fprintf(t, "%s\t", c.Name)
	}
	fmt.Fprintln(t, "scenario")
	for _, r := range m.Rows {
		for _, c := range r.Cells {
			fmt.Fprintf(t, "%s\t", marks[c.Status])
		}
		fmt.Fprintln(t, r.Scenario)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	lines := strings.SplitAfter(table.String(), "\n")
	if len(m.Rows) > 0 {
		fmt.Fprint(w, "\n", lines[0])
	}
	for i, r := range m.Rows {
		fmt.Fprint(w, lines[i+1])
		for _, line := range m.reasons(r) {
			fmt.Fprintln(w, "    "+line)
		}
	}
	_, err := fmt.Fprintf(w, "\n%d scenarios differ, %d are the same everywhere\n", len(m.Rows), m.Same)
	return err
}

// reasons are what a scenario came to, columns that are alike in one line.
func (m Matrix) reasons(r MatrixRow) []string {
	var order []Cell
	of := map[Cell][]string{}
	maps := map[string]bool{}
	for _, c := range r.Cells {
		if c.Status == Passed {
			maps[c.Maps] = true
		}
	}
	for i, c := range r.Cells {
		if len(maps) < 2 {
			c.Maps = "" // they are not what differs
		}
		if of[c] == nil {
			order = append(order, c)
		}
		of[c] = append(of[c], m.Columns[i].Name)
	}
	var lines []string
	for _, c := range order {
		lines = append(lines, strings.Join(of[c], ", ")+": "+c.String())
	}
	return lines
}

// Failed names the columns in which scenarios failed, and how many: "2 in a".
func (m Matrix) Failed() []string {
	var failed []string
	for _, c := range m.Columns {
		if c.Failed > 0 {
			failed = append(failed, fmt.Sprintf("%d in %s", c.Failed, c.Name))
		}
	}
	return failed
}
