package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/postmortem"
	"nestbed/harness/printable"
)

// What a summary of a failure may take of a terminal, whatever has failed.
const (
	summaryLines = 25
	summaryWidth = 300
	whyLines     = 9
)

// summary is what a terminal shows of a failed scenario: the most likely reason first, then the maps, then what to do next.
type summary struct {
	name          string
	failure       error // of the step, nil where only the plan was contradicted
	contradiction error
	diagnosis     *postmortem.Diagnosis
	next          []string // lines that say where everything is, and how to repeat it
}

// lines are at most summaryLines.
func (s summary) lines() []string {
	const blank = ""
	lines := append([]string{s.name}, clip(s.why(), whyLines)...)
	if table := s.table(summaryLines - len(lines) - len(s.next) - 2); table != nil {
		lines = append(append(lines, blank), table...)
	}
	for i, line := range lines {
		lines[i] = narrow(printable.Text(line))
	}
	return append(append(lines, blank), s.next...) // these are to be copied whole
}

// why is the most likely reason. A stop or maps that nobody planned explain a failed step; else the step speaks for itself.
func (s summary) why() []string {
	step := func(title string) []string {
		if s.failure == nil {
			return nil
		}
		// A stop in it has the log behind, which is easier to read on a line of its own.
		text := strings.ReplaceAll(strings.TrimSpace(s.failure.Error()), " [log: ", "\n  [log: ")
		lines := strings.Split(text, "\n")
		lines[0] = title + lines[0]
		return lines
	}
	stop, planned := s.diagnosis.Stop, s.diagnosis.Plan.Stop
	switch {
	case stop != nil && (planned == nil || *planned != stop.Stop):
		lines := []string{fmt.Sprintf("The chain stopped at %s. Planned: %s.", &stop.Stop, planned), "  " + flat(stop.Err.Error())}
		for _, line := range stop.Evidence {
			lines = append(lines, "  log: "+flat(line))
		}
		return append(clip(lines, whyLines-2), clip(step("The step: "), 2)...)
	case s.contradiction != nil:
		return append(clip(strings.Split(s.contradiction.Error(), "\n"), whyLines-2), clip(step("The step: "), 2)...)
	}
	return step("")
}

// table is that of the maps, in so many lines; where they do not suffice, those that are not as planned come first.
func (s summary) table(room int) []string {
	const heading = 2
	table := s.diagnosis.MapTable()
	if len(table) == heading || room < heading+2 {
		return nil
	}
	rows := table[heading:]
	if len(rows) <= room-heading {
		return table
	}
	slices.SortStableFunc(rows, func(a, b string) int { return noted(b) - noted(a) })
	shown := rows[:room-heading-1]
	return slices.Concat(table[:heading], shown, []string{fmt.Sprintf("  (%d lines more)", len(rows)-len(shown))})
}

func noted(row string) int {
	if strings.Contains(row, "<- ") || strings.Contains(row, "not read: ") {
		return 1
	}
	return 0
}

// clip keeps the first lines, and says how many are left out.
func clip(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	return append(slices.Clone(lines[:room-1]), fmt.Sprintf("... %d lines more", len(lines)-room+1))
}

func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// narrow cuts a line in its middle: a long error tells at its end what was wrong.
func narrow(line string) string {
	text := []rune(line)
	if len(text) <= summaryWidth {
		return line
	}
	return string(text[:summaryWidth/3]) + " ... " + string(text[len(text)-summaryWidth*2/3+5:])
}

// repeat is the line that runs just this test again, with the flags and settings of the environment that it depends on.
func repeat(pkg, test string, flags, environment []string) string {
	var pattern []string
	for name := range strings.SplitSeq(test, "/") { // go test matches each part by itself
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	line := "go test -count=1 " + pkg + " -run " + quote(strings.Join(pattern, "/")) + " -v"
	return strings.Join(slices.Concat(environment, []string{line}, flags), " ")
}

// quote makes one word of a text for a shell.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
