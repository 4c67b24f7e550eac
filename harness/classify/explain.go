package classify

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"nestbed/harness/idmap"
	"nestbed/harness/printable"
)

// A Finding is a reason that a text shows, with what to do about it.
type Finding struct {
	Reason idmap.Reason `json:"reason"`
	// Level is 0, and Operation empty, if the text does not show them.
	Level     int      `json:"level,omitempty"`
	Operation idmap.Op `json:"operation,omitempty"`
	What      string   `json:"what"`
	// Facts are computed from the numbers in the lines.
	Facts []string `json:"facts,omitempty"`
	Cause
	// Others are less likely causes, the most likely first.
	Others []Cause `json:"others,omitempty"`
	Lines  []Line  `json:"lines"`

	rank int
}

// A Line is a line of the text, escaped and shortened.
type Line struct {
	Number int    `json:"number"` // from 1
	Text   string `json:"text"`
}

// An Explanation is what is known about a text.
type Explanation struct {
	// Findings has the decisive ones first.
	Findings []Finding
	Lines    int // lines that were read
	Noise    int // lines that only follow from others, or come with every start
	Long     int // lines of which only the beginning was read
	Cut      bool
}

const (
	shownLines = 8   // lines of a finding
	shownText  = 240 // characters of a line
	beforeText = 80  // of them before the words that matched
)

// Explain finds the reasons that a text shows: an error, a log, or a mail with both. It reads the
// text once and needs time in proportion to its length.
func Explain(from io.Reader) (Explanation, error) {
	in, err := readInput(from)
	e := Explanation{Lines: len(in.lines), Long: in.long, Cut: in.cut}
	if err != nil {
		return e, err
	}
	found := map[int]*Finding{} // by the number of the rule
	for i := 0; i < len(in.lines); {
		i += max(1, in.explainLine(i, found, &e))
	}
	stops := in.stops()
	for _, s := range stops {
		if !slices.ContainsFunc(e.known(found), func(f *Finding) bool { return f.Reason == s.stop.Reason }) {
			in.addStop(s, found)
		}
	}
	e.Findings = rank(e.known(found), stops)
	return e, nil
}

// known returns what was found, without vague findings if there are others.
func (e *Explanation) known(found map[int]*Finding) []*Finding {
	var exact, vague []*Finding
	for n, f := range found {
		if n >= len(explainRules)-len(vagueRules) {
			vague = append(vague, f)
		} else {
			exact = append(exact, f)
		}
	}
	if len(exact) > 0 {
		return exact
	}
	return vague
}

// explainLine looks for a rule that line i matches, alone or with those that continue it, and
// returns how many lines it used.
func (in input) explainLine(i int, found map[int]*Finding, e *Explanation) int {
	line := in.lines[i]
	if n, at := ruleFor(line, in); at != nil {
		text, ends := in.joined(i)
		return in.add(n, i, at, text, ends, found)
	}
	if in.continued(i) {
		text, ends := in.joined(i)
		// The words must begin in this line, or a later one finds them.
		if n, at := ruleFor(text, in); at != nil && at[0] < len(line) {
			return in.add(n, i, at, text, ends, found)
		}
	}
	if slices.ContainsFunc(noise, func(p pattern) bool { return p.find(line) != nil }) {
		e.Noise++
	}
	return 1
}

func ruleFor(text string, in input) (number int, at []int) {
	for n, r := range explainRules {
		if at := r.explains(text); at != nil && (!r.rawIDMap || len(in.rawIDMap) > 0) {
			return n, at
		}
	}
	return 0, nil
}

// add adds the lines from i on to the finding of a rule, and returns how many these are. text is
// their text with all that may continue it; the words are in it at the given place.
func (in input) add(n, i int, at []int, text string, ends []int, found map[int]*Finding) int {
	r := explainRules[n]
	f, end := found[n], at[1]
	if f == nil {
		f = &Finding{Reason: r.reason, Operation: r.op, What: r.what, Cause: r.causes[0], Others: r.causes[1:], rank: rankOf(n)}
		found[n] = f
		if len(r.words) > 0 && !r.matches(text) {
			f.Operation = "" // words of a program in a container, not of the daemon's operation
		}
	}
	if r.study != nil && len(f.Facts) == 0 { // an earlier line may have had no numbers
		end = max(end, r.study(text, in, f))
	}
	used := 1
	for used < len(ends) && ends[used-1] < end {
		used++
	}
	for k := range used {
		if len(f.Lines) < shownLines {
			start := 0
			if k == 0 {
				start = at[0]
			}
			f.Lines = append(f.Lines, Line{i + k + 1, shorten(in.lines[i+k], start)})
		}
	}
	return used
}

// shorten returns a line escaped, and of a long one the part around an offset.
func shorten(line string, at int) string {
	text := printable.Line(strings.TrimSpace(line))
	if len(text) <= shownText {
		return text
	}
	from := max(0, min(at-beforeText, len(line)))
	text = printable.Line(strings.ToValidUTF8(line[from:min(len(line), from+shownText)], ""))
	if from > 0 {
		text = "..." + text
	}
	if from+shownText < len(line) {
		text += "..."
	}
	return text
}

// rankOf returns the place of a rule in the order of findings. It is the order of Reason, with
// the programs in a container last.
func rankOf(n int) int {
	if guests := len(guestRules) + len(unmappedRules); n < guests {
		return n + len(explainRules)
	}
	return n
}

// rank sorts findings, and adds the level and the operation that the text states.
func rank(found []*Finding, stops []statedStop) []Finding {
	all := []Finding{}
	for _, f := range found {
		for _, s := range stops {
			if len(found) == 1 || s.stop.Reason == f.Reason {
				f.Level, f.Operation = s.stop.Level, s.stop.Op
			}
		}
		for _, l := range f.Lines {
			f.Level = max(f.Level, levelOf(l.Text))
		}
		all = append(all, *f)
	}
	slices.SortFunc(all, func(a, b Finding) int { return cmp.Compare(a.rank, b.rank) })
	return all
}
