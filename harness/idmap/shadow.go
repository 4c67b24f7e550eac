package idmap

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// shadowLine is the longest line, in bytes with its end, that shadow reads as one entry.
const shadowLine = 1024

// Granted tells whether newuidmap (or newgidmap, by the file that is given) lets
// root map the given ranges. It reads the file by other rules than LXD does
// (shadow: lib/subordinateio.c, subordinate_parse and have_range):
//   - a "#" starts no comment, CR is part of a line: such an entry counts for nothing
//   - numbers are C's: 0x7a120 is 500000, and 0500000 is octal
//   - the owner is root or 0; "ROOT" is somebody else
//   - ranges that lie side by side, or overlap, count as one
//   - root may map its own id 0, alone, whatever the file says, but there must be one
func Granted(f File, wanted []Mapping) bool {
	if f.Missing {
		return false
	}
	granted := shadowRanges(f)
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

// idRange is first to last, both included, in the unsigned arithmetic of shadow:
// an entry of no ids at 0 reaches from 0 to the end of all numbers.
type idRange struct{ first, last uint64 }

// shadowRanges are root's entries, joined where they touch.
func shadowRanges(f File) []idRange {
	var ranges []idRange
	for line := range strings.Lines(f.Text) {
		line = strings.TrimSuffix(line, "\n")
		fields := strings.SplitN(line, ":", 4)
		if len(line) >= shadowLine || len(fields) < 3 || fields[0] != Root && fields[0] != rootUID {
			continue
		}
		start, ok := shadowNumber(fields[1])
		count, ok2 := shadowNumber(fields[2])
		if last := start + count - 1; ok && ok2 && start <= last {
			ranges = append(ranges, idRange{start, last})
		}
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

// shadowNumber reads what strtoul with base 0 reads whole (shadow: lib/getulong.c).
func shadowNumber(text string) (uint64, bool) {
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
	if negative {
		v = -v
	}
	return v, err == nil
}
