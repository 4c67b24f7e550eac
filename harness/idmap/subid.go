package idmap

import (
	"bufio"
	"strconv"
	"strings"
)

// Verdict is what becomes of a line of a subid file.
type Verdict string

// The verdicts. All but Picked are reasons to pass a line over.
const (
	Picked     Verdict = "picked"
	NoEntry    Verdict = "no entry"        // empty, or a comment from its first character on
	OtherOwner Verdict = "another owner"   // not root, by the flavor's rules
	Malformed  Verdict = "malformed"       // fewer than three fields: the whole file is given up
	BadNumber  Verdict = "number not read" // start or count is not a decimal number below 2^32
	TooSmall   Verdict = "too small"       // fewer than Block ids
	Later      Verdict = "not the first"   // usable, but LXD takes the first such line
	NotReached Verdict = "not reached"     // behind a malformed line, or behind one of 64 KiB
)

// Line is a line of a subid file and what a daemon makes of it.
type Line struct {
	Number  int     `json:"line"` // from 1
	Text    string  `json:"text"`
	Verdict Verdict `json:"verdict"`
	// Allocation is what the line says; only its Owner is sure to be set unless
	// the verdict is Picked, TooSmall or Later.
	Allocation Allocation `json:"-"`
}

// Reading is what a daemon gets out of a subid file. Its rules are those of LXD
// (idmap/idmapset_linux.go, getFromShadow and DefaultIdmapSet) and of Incus
// (shared/idmap/set_load.go), which differ from each other and from shadow's
// (see Granted):
//   - what follows a "#" is cut off, also behind an entry
//   - a line of anybody's with fewer than three fields spoils the file, and a
//     line of spaces is one; fields beyond the third are ignored
//   - the owner is compared without regard to case. "0" is root only to Incus,
//     and only where no line names root
//   - numbers are decimal, without spaces; the end of a line may be CR LF
type Reading struct {
	Lines []Line
	// Malformed is the number of the line that spoils the file, 0 for none.
	Malformed int
	// Ranges are root's entries of any size whose numbers can be read, in the file's order.
	Ranges []Allocation
}

// Read reads a subid file as a daemon of the flavor does.
func Read(f File, flavor Flavor) Reading {
	var r Reading
	named, numeric := false, false
	// The same scanner as in LXD and Incus: it takes CR LF for the end of a line,
	// and stops, without a word from them, at a line of 64 KiB.
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
	if flavor == Incus && !named && numeric {
		owner = rootUID
	}
	r.judge(owner, flavor)
	return r
}

// rootUID is how a file names root by number.
const rootUID = "0"

// readLine tells a line's entry, and Picked if it has one whose numbers can be read.
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

// judge gives the verdicts on the entries, now that it is clear which owner counts.
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
			case picked && flavor != Incus:
				l.Verdict = Later
			}
			picked = picked || l.Verdict == Picked
		}
	}
}

// Picked are the lines that the daemon takes: at most one, but as many as there are for Incus.
func (r Reading) Picked() []Line {
	var picked []Line
	for _, l := range r.Lines {
		if l.Verdict == Picked {
			picked = append(picked, l)
		}
	}
	return picked
}

// mappings are the picked lines as mappings, all from inside id 0 on.
func (r Reading) mappings() []Mapping {
	var m []Mapping
	for _, l := range r.Picked() {
		m = append(m, Mapping{Inside: 0, Parent: l.Allocation.Start, Count: l.Allocation.Count})
	}
	return m
}
