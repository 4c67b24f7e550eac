package idmap

import (
	"bufio"
	"strconv"
	"strings"
)

// A Verdict says whether a daemon uses a line of a subid file.
type Verdict string

// The verdicts. All except Picked are reasons to skip a line.
const (
	Picked     Verdict = "picked"
	NoEntry    Verdict = "no entry"        // empty, or a comment from its first character on
	OtherOwner Verdict = "another owner"   // not root, by the flavor's rules
	Malformed  Verdict = "malformed"       // fewer than three fields, which invalidates the whole file
	BadNumber  Verdict = "number not read" // start or count is not a decimal number below 2^32
	TooSmall   Verdict = "too small"       // fewer than Block ids
	Later      Verdict = "not the first"   // usable, but LXD takes the first such line
	NotReached Verdict = "not reached"     // after a malformed line or at a line of 64 KiB or more
)

// A Line is a line of a subid file with its verdict.
type Line struct {
	Number  int     `json:"line"` // from 1
	Text    string  `json:"text"`
	Verdict Verdict `json:"verdict"`
	// Allocation is the parsed line. Start and Count are set only if the verdict is Picked,
	// TooSmall or Later, or if it is OtherOwner and both are valid.
	Allocation Allocation `json:"-"`
}

// A Reading is the result of reading a subid file. The rules of LXD (idmap/idmapset_linux.go,
// getFromShadow and DefaultIdmapSet) and of Incus (shared/idmap/set_load.go) differ from each
// other and from shadow's (see Shadow.Grants):
//   - "#" begins a comment, also after an entry
//   - a line with fewer than three fields invalidates the file, even if it has
//     another owner or only spaces; fields after the third are ignored
//   - case does not matter in the owner; "0" is root for Incus only, and only
//     if no line names root
//   - numbers are decimal, without spaces; a line may end in CR LF
type Reading struct {
	Lines []Line
	// Malformed is the number of the line that invalidates the file, or 0.
	Malformed int
	// Ranges are root's entries with valid numbers, of any size, in the order of the file.
	Ranges []Allocation
}

// Read reads a subid file by the rules of the flavor.
func Read(f File, flavor Flavor) Reading {
	var r Reading
	named, numeric := false, false
	// LXD and Incus use the same scanner. It accepts CR LF as the end of a line, and stops at a
	// line of 64 KiB, which neither program reports.
	scanner := bufio.NewScanner(strings.NewReader(f.Text))
	for n := 1; scanner.Scan(); n++ {
		l := Line{Number: n, Text: scanner.Text()}
		if r.Malformed == 0 {
			l.Allocation, l.Verdict = readLine(l.Text)
		} else {
			l.Verdict = NotReached
		}
		switch {
		case l.Verdict == Malformed:
			r.Malformed = n
		case l.Verdict == Picked && strings.EqualFold(l.Allocation.Owner, Root):
			named = true
		case l.Verdict == Picked && l.Allocation.Owner == rootUID:
			numeric = true
		}
		r.Lines = append(r.Lines, l)
	}
	if scanner.Err() != nil {
		r.Lines = append(r.Lines, Line{Number: len(r.Lines) + 1, Text: "(a line of 64 KiB or more)", Verdict: NotReached})
	}
	owner := Root
	if flavor.Incus() && !named && numeric {
		owner = rootUID
	}
	r.judge(owner, flavor)
	return r
}

// rootUID is root's owner field written as a number.
const rootUID = "0"

// readLine parses a line. It returns Picked if the line has an entry with valid numbers.
func readLine(text string) (Allocation, Verdict) {
	text, _, _ = strings.Cut(text, "#")
	if text == "" {
		return Allocation{}, NoEntry
	}
	fields := strings.SplitN(text, ":", 4)
	if len(fields) < 3 {
		return Allocation{}, Malformed
	}
	a := Allocation{Owner: fields[0]}
	for i, into := range []*uint32{&a.Start, &a.Count} {
		v, err := strconv.ParseUint(fields[i+1], 10, 32)
		if err != nil {
			return a, BadNumber
		}
		*into = uint32(v)
	}
	return a, Picked
}

// judge sets the final verdicts once the name that stands for root is known.
func (r *Reading) judge(owner string, flavor Flavor) {
	picked := false
	for i := range r.Lines {
		l := &r.Lines[i]
		switch {
		case l.Verdict != Picked && l.Verdict != BadNumber:
		case !strings.EqualFold(l.Allocation.Owner, owner):
			l.Verdict = OtherOwner
		case l.Verdict == BadNumber:
		default:
			r.Ranges = append(r.Ranges, l.Allocation)
			switch {
			case l.Allocation.Count < Block:
				l.Verdict = TooSmall
			case picked && !flavor.Incus():
				l.Verdict = Later
			}
			picked = picked || l.Verdict == Picked
		}
	}
}

// Picked returns the lines that the daemon uses: at most one for LXD, any number for Incus.
func (r Reading) Picked() []Line {
	var picked []Line
	for _, l := range r.Lines {
		if l.Verdict == Picked {
			picked = append(picked, l)
		}
	}
	return picked
}

// mappings returns the picked lines as mappings, each from inside id 0 on.
func (r Reading) mappings() []Mapping {
	var m []Mapping
	for _, l := range r.Picked() {
		m = append(m, Mapping{Inside: 0, Parent: l.Allocation.Start, Count: l.Allocation.Count})
	}
	return m
}
