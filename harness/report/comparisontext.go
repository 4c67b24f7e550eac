package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// Verdict returns the verdict in one line.
func (c Comparison) Verdict() string {
	if len(c.Columns) == 2 {
		return c.Columns[1].Verdict.String()
	}
	var worse []string
	for _, column := range c.Columns[1:] {
		if column.Verdict.Worse > 0 {
			worse = append(worse, column.Name)
		}
	}
	if len(worse) == 0 {
		return "no run is worse than " + c.Columns[0].Name
	}
	return "worse than " + c.Columns[0].Name + ": " + strings.Join(worse, ", ")
}

// Write prints the changed scenarios, the worst first, then the verdicts. Two runs are grouped by
// change. More runs are a table.
func (c Comparison) Write(w io.Writer) error {
	if len(c.Columns) == 2 {
		return c.writeKinds(w)
	}
	return c.writeTable(w)
}

func (c Comparison) writeKinds(w io.Writer) error {
	for _, column := range c.Columns {
		fmt.Fprintf(w, "%s: %s\n", column.Name, column.Facts)
	}
	kind := Change("")
	for _, row := range c.Rows {
		if row.Change != kind {
			kind = row.Change
			fmt.Fprintf(w, "\n%s\n", kind)
		}
		fmt.Fprintf(w, "  %s\n", row.Scenario)
		for i, cell := range row.Cells {
			fmt.Fprintf(w, "    %s: %s\n", c.Columns[i].Name, cell)
		}
	}
	_, err := fmt.Fprintf(w, "\n%s\n", c.Verdict())
	return err
}

// marks are the table's words for each status.
var marks = map[Status]string{Passed: "ok", Failed: "FAILED", Skipped: "skipped", "": "-"}

func (c Comparison) writeTable(w io.Writer) error {
	rows := make([]tableRow, len(c.Rows))
	for i, row := range c.Rows {
		rows[i].name = row.Scenario
		for _, cell := range row.Cells {
			rows[i].cells = append(rows[i].cells, marks[cell.Status])
		}
		for _, o := range outcomes(c.Columns, row.Cells) {
			rows[i].below = append(rows[i].below, o.Runs+": "+o.Text)
		}
	}
	err := writeColumns(w, c.Columns, "scenario", rows)
	fmt.Fprintf(w, "\n%d scenarios differ, %d are the same everywhere\n", len(c.Rows), c.Same)
	for _, column := range c.Columns[1:] {
		_, err = fmt.Fprintf(w, "%s: %s\n", column.Name, column.Verdict)
	}
	return err
}

// An outcome is a cell's text and the names of the runs that have it.
type outcome struct{ Runs, Text string }

// outcomes returns the different outcomes in a row.
func outcomes(columns []Column, cells []Cell) []outcome {
	var all []outcome
	for i, cell := range cells {
		text := cell.String()
		if at := slices.IndexFunc(all, func(o outcome) bool { return o.Text == text }); at >= 0 {
			all[at].Runs += ", " + columns[i].Name
			continue
		}
		all = append(all, outcome{columns[i].Name, text})
	}
	return all
}

// A tableRow is a row of a table with a cell for each run. The lines below it are indented.
type tableRow struct {
	cells []string
	name  string
	below []string
}

// writeColumns prints what each run is, and then a table with a column for each of them. what is
// the heading of the rows' names.
func writeColumns(w io.Writer, columns []Column, what string, rows []tableRow) error {
	var table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, c := range columns {
		fmt.Fprintf(w, "%s  %d passed, %d failed, %d skipped: %s\n", c.Name, c.Passed, c.Failed, c.Skipped, c.Facts)
		fmt.Fprintf(t, "%s\t", c.Name)
	}
	fmt.Fprintln(t, what)
	for _, row := range rows {
		for _, cell := range row.cells {
			fmt.Fprintf(t, "%s\t", cell)
		}
		fmt.Fprintln(t, row.name)
	}
	if err := t.Flush(); err != nil || len(rows) == 0 {
		return err
	}
	lines := strings.SplitAfter(table.String(), "\n")
	_, err := fmt.Fprint(w, "\n", lines[0])
	for i, row := range rows {
		_, err = fmt.Fprint(w, lines[i+1])
		for _, line := range row.below {
			_, err = fmt.Fprintf(w, "    %s\n", line)
		}
	}
	return err
}
