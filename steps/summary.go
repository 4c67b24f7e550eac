package steps

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/commands"
	"nestbed/harness/postmortem"
	"nestbed/harness/printable"
)

// Limits of a summary on a terminal.
const (
	summaryLines = 25
	summaryWidth = 300
	whyLines     = 9
)

// summary is the text for a terminal about a failed scenario: the most likely reason, the maps,
// and what to do next.
type summary struct {
	name          string
	failure       error // of the step; nil if there is only a contradiction
	contradiction error
	diagnosis     *postmortem.Diagnosis
	next          []string // where the full diagnosis is, how to repeat the scenario
}

// lines returns at most summaryLines lines.
func (s summary) lines() []string {
	const blank = ""
	lines := append([]string{s.name}, clip(s.why(), whyLines)...)
	room := summaryLines - len(lines) - len(s.next) - 1
	if table := s.table(room - 1); table != nil {
		lines = append(append(lines, blank), table...)
		room -= len(table) + 1
	}
	for i, line := range lines {
		lines[i] = narrow(printable.Text(line))
	}
	if byHand := s.diagnosis.ByHand; len(byHand) > 0 && len(byHand)+2 <= room { // the full diagnosis has them, too
		lines = append(append(lines, blank, "By hand, with an IMAGE that has the daemon in it:"), byHand...)
	}
	return append(append(lines, blank), s.next...) // not shortened, because they are copied
}

// why returns the most likely reason: an unplanned stop, else a contradiction of the plan, else
// the step's own error.
func (s summary) why() []string {
	step := func(title string) []string {
		if s.failure == nil {
			return nil
		}
		// The log of a stop goes on its own line, which is easier to read.
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

// table returns the table of maps in at most room lines. If there are more, the maps that are not
// as planned come first.
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

// clip shortens lines to room lines; the last one then says how many were left out.
func clip(lines []string, room int) []string {
	if len(lines) <= room {
		return lines
	}
	return append(slices.Clone(lines[:room-1]), fmt.Sprintf("... %d lines more", len(lines)-room+1))
}

func flat(text string) string { return strings.Join(strings.Fields(text), " ") }

// narrow shortens a long line in its middle, because the end of an error says what was wrong.
func narrow(line string) string {
	text := []rune(line)
	if len(text) <= summaryWidth {
		return line
	}
	return string(text[:summaryWidth/3]) + " ... " + string(text[len(text)-summaryWidth*2/3+5:])
}

// repeat returns the command that runs this test again, with its flags and environment variables.
func repeat(pkg, test string, flags, environment []string) string {
	var pattern []string
	for name := range strings.SplitSeq(test, "/") { // go test matches each part separately
		pattern = append(pattern, "^"+regexp.QuoteMeta(name)+"$")
	}
	line := "go test -count=1 " + pkg + " -run " + commands.Quote(strings.Join(pattern, "/")) + " -v"
	return strings.Join(slices.Concat(environment, []string{line}, flags), " ")
}

// repeatByName returns the command that runs a scenario again by its name.
func repeatByName(program, name string, tags []string) string {
	line := program + " --name " + commands.Quote("^"+regexp.QuoteMeta(name)+"$")
	for _, tag := range tags {
		line += " --tags " + tag
	}
	return line
}
