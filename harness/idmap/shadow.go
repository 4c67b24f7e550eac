package idmap

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/semver"
)

// shadowLine is the limit of shadow's line buffer: a line, with its newline, must have fewer
// bytes.
const shadowLine = 1024

// A Shadow is a version of shadow, such as "4.17.4", whose newuidmap and newgidmap grant ids. The
// zero Shadow is the newest version.
type Shadow string

// The first versions with rules that older ones do not have.
const (
	// A negative number is not the one that C makes of it (shadow: f14670ee1e).
	unsignedNumbers Shadow = "4.15"
	// An entry has three fields, and nothing after them (shadow: 81821d3ec8).
	threeFields Shadow = "4.18"
	// The ids of an entry have 32 bits, and an entry of zero ids grants nothing (shadow:
	// db3ca9f917, 9463d57b01).
	boundedRanges Shadow = "4.20"
)

// since reports whether the version is at least the given one.
func (s Shadow) since(first Shadow) bool {
	return s == "" || semver.Compare("v"+string(s), "v"+string(first)) >= 0
}

// Grants reports whether newuidmap (or newgidmap, depending on f) lets root map the given
// ranges. Its rules differ from LXD's (shadow: lib/subordinateio.c, subordinate_parse and
// have_range):
//   - "#" starts no comment and CR is part of a line, so such an entry does not count
//   - numbers are C's: 0x7a120 is 500000, and 0500000 is octal
//   - the owner is root or 0; "ROOT" is another user
//   - adjacent or overlapping ranges count as one
//   - root may always map its own id 0 alone, provided that the file exists
func (s Shadow) Grants(f File, wanted []Mapping) bool {
	if f.Missing {
		return false
	}
	granted := s.ranges(f)
	for _, m := range wanted {
		first, last := uint64(m.Parent), uint64(m.Parent)+uint64(m.Count)-1
		own := m.Count == 1 && m.Parent == 0
		inOne := slices.ContainsFunc(granted, func(r idRange) bool { return r.first <= first && last <= r.last })
		if m.Count == 0 || !own && !inOne {
			return false
		}
	}
	return true
}

// An idRange is first to last, inclusive, in shadow's unsigned arithmetic: before boundedRanges an
// entry with start 0 and count 0 contains every number.
type idRange struct{ first, last uint64 }

// ranges returns root's entries; those that touch are joined.
func (s Shadow) ranges(f File) []idRange {
	var ranges []idRange
	for line := range strings.Lines(f.Text) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.SplitN(line, ":", 4)
		if len(line) >= shadowLine || len(fields) < 3 || fields[0] != Root && fields[0] != rootUID ||
			len(fields) > 3 && s.since(threeFields) {
			continue
		}
		start, ok := s.number(fields[1])
		count, ok2 := s.number(fields[2])
		last := start + count - 1
		if !ok || !ok2 || start > last || s.since(boundedRanges) && (count == 0 || count > math.MaxUint32 || last > math.MaxUint32) {
			continue
		}
		ranges = append(ranges, idRange{start, last})
	}
	slices.SortFunc(ranges, func(a, b idRange) int { return cmp.Compare(a.first, b.first) })
	var joined []idRange
	for _, r := range ranges {
		if n := len(joined); n > 0 && (joined[n-1].last == math.MaxUint64 || r.first <= joined[n-1].last+1) {
			joined[n-1].last = max(joined[n-1].last, r.last)
			continue
		}
		joined = append(joined, r)
	}
	return joined
}

// number parses a number as strtoul with base 0 does, and fails unless that uses the whole text
// (shadow: lib/getulong.c; later lib/atoi).
func (s Shadow) number(text string) (uint64, bool) {
	digits := strings.TrimLeft(text, " \t\v\f\r\n")
	negative := strings.HasPrefix(digits, "-")
	if negative || strings.HasPrefix(digits, "+") {
		digits = digits[1:]
	}
	base := 10
	if len(digits) > 1 && digits[0] == '0' {
		base, digits = 8, digits[1:]
		if digits[0] == 'x' || digits[0] == 'X' {
			base, digits = 16, digits[1:]
		}
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if !negative {
		return v, err == nil
	}
	return -v, err == nil && (v == 0 || !s.since(unsignedNumbers))
}
