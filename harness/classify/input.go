package classify

import (
	"bufio"
	"errors"
	"io"
	"regexp"
	"strings"

	"nestbed/harness/idmap"
)

const (
	// MaxInput is the number of bytes that Explain reads.
	MaxInput = 64 << 20
	// MaxLine is the number of bytes of a line that Explain reads.
	MaxLine = 16 << 10

	wrapMin = 40  // a line that mail has wrapped is at least this long
	wrapMax = 200 // and at most this long
	wrapped = 6   // lines that one line of a log can take in a mail
)

// input is a text of unknown origin, such as a log or a pasted mail.
type input struct {
	lines []string // without colors, quote marks and line ends
	// allocations are all lines owner:start:count of root's in it, once each.
	allocations []idmap.Allocation
	rawIDMap    []int // indexes of the lines that mention raw.idmap
	long        int   // number of lines of which the end was left out
	cut         bool  // the text is longer than MaxInput
}

// readInput reads a text. It changes what mails, terminals and log formats have added.
func readInput(from io.Reader) (in input, err error) {
	limited := &io.LimitedReader{R: from, N: MaxInput}
	r := bufio.NewReaderSize(limited, MaxLine)
	seen := map[idmap.Allocation]bool{}
	characters := strings.NewReplacer(typography...)
	for {
		part, err := r.ReadSlice('\n')
		line := string(part)
		if errors.Is(err, bufio.ErrBufferFull) {
			in.long++
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return in, err
		}
		if line != "" {
			line = plain(line, characters)
			if strings.Contains(line, idmap.KeyRaw) {
				in.rawIDMap = append(in.rawIDMap, len(in.lines))
			}
			in.lines = append(in.lines, line)
			for _, a := range allocationsIn(line) {
				if !seen[a] {
					seen[a] = true
					in.allocations = append(in.allocations, a)
				}
			}
		}
		if err != nil {
			break
		}
	}
	if limited.N == 0 {
		n, _ := from.Read(make([]byte, 1))
		in.cut = n > 0
	}
	return in, nil
}

var (
	escapes    = regexp.MustCompile(`\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)`)
	quoteMarks = regexp.MustCompile(`^(?:\s{0,3}(?:>|&gt;))+ ?`)
	rootLine   = regexp.MustCompile(`\broot:\d+:\d+\b`)
)

// typography has what word processors, forums, JSON and HTML make of characters.
var typography = []string{
	"“", `"`, "”", `"`, "„", `"`, "‘", "'", "’", "'", `\"`, `"`, "&quot;", `"`, "&gt;", ">", "&lt;", "<", "\u00a0", " ",
}

func plain(line string, typography *strings.Replacer) string {
	line = strings.TrimRight(line, "\r\n")
	if strings.ContainsRune(line, '\x1b') {
		line = escapes.ReplaceAllString(line, "")
	}
	if strings.ContainsAny(line[:min(len(line), 8)], ">&") {
		line = quoteMarks.ReplaceAllString(line, "")
	}
	return typography.Replace(line)
}

func allocationsIn(line string) (all []idmap.Allocation) {
	if !strings.Contains(line, "root:") {
		return nil
	}
	for _, text := range rootLine.FindAllString(line, -1) {
		if a, err := idmap.ParseAllocation(text); err == nil {
			all = append(all, a)
		}
	}
	return all
}

// entryStart matches the beginning of an entry of a log, which continues no other line.
var entryStart = regexp.MustCompile(`^\s*(?:\[|[*#$-] |\d{4}-\d\d|[A-Z][a-z]{2} +\d+ \d|lxc(?:-start)? |time=|t=|lvl=|level=|type=|audit|Error:|` + "```)")

// continued reports whether mail may have wrapped line i into the next one.
func (in input) continued(i int) bool {
	if i+1 >= len(in.lines) {
		return false
	}
	n, next := len(in.lines[i]), in.lines[i+1]
	return n >= wrapMin && n <= wrapMax && strings.TrimSpace(next) != "" && !entryStart.MatchString(next)
}

// joined returns line i together with those that may continue it, and where each of them ends in
// that text.
func (in input) joined(i int) (text string, ends []int) {
	text = in.lines[i]
	ends = []int{len(text)}
	for n := 1; n < wrapped && in.continued(i+n-1); n++ {
		text = strings.TrimRight(text, " ") + " " + strings.TrimLeft(in.lines[i+n], " ")
		ends = append(ends, len(text))
	}
	return text, ends
}
