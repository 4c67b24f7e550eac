package subid

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/idmap"
)

// report returns a problem about lines of one file.
type report func(works bool, lines []idmap.Line, fix, format string, args ...any) Problem

// without returns the problems of a file from which the daemon gets no ids.
func (f Files) without(s, other side, problem report) []Problem {
	var small, unread []idmap.Line
	for _, l := range s.read.Lines {
		switch l.Verdict {
		case idmap.TooSmall:
			small = append(small, l)
		case idmap.BadNumber:
			unread = append(unread, l)
		}
	}
	switch {
	case len(small) > 0:
		line := small[0]
		for _, l := range small {
			if l.Allocation.Count > line.Allocation.Count {
				line = l
			}
		}
		larger := ofRoot(line.Allocation)
		if larger.Count = idmap.Block; s.taken(larger, line.Number) || !idmap.Within(s.own, parentOf(larger)) {
			larger = s.free(idmap.Block, line.Number)
		}
		return []Problem{problem(false, []idmap.Line{line}, fmt.Sprintf("line %d: %s", line.Number, larger),
			"it has %d ids, %d fewer than a container needs", line.Allocation.Count, idmap.Block-line.Allocation.Count)}
	case len(unread) > 0:
		return []Problem{problem(false, unread[:1], fmt.Sprintf("line %d: %s", unread[0].Number, s.readable(unread[0])),
			"%s accepts only decimal numbers below 4294967296, and nothing else in the line", f.program())}
	case !f.Daemon.ShadowTools && (!f.Daemon.Flavor.Incus() || len(other.read.Picked()) == 0):
		return nil // the daemon then chooses ids by itself
	}
	line := s.usual()
	if there := other.read.Picked(); len(there) > 0 {
		line = ofRoot(there[0].Allocation)
	} else if len(s.byItself) > 0 { // what the daemon chooses, so that existing containers keep their ids
		line = idmap.Allocation{Owner: idmap.Root, Start: s.byItself[0].Parent, Count: s.byItself[0].Count}
	}
	return []Problem{problem(false, nil, "write the line "+line.String(), "no line is root's, so newuidmap grants no ids")}
}

// readable returns the line with the numbers that its author may have meant, if they are enough.
func (s side) readable(line idmap.Line) idmap.Allocation {
	text, _, _ := strings.Cut(line.Text, "#")
	a := idmap.Allocation{Owner: idmap.Root}
	fields := strings.Split(text, ":")
	for i, into := range []*uint32{&a.Start, &a.Count} {
		v, err := strconv.ParseUint(strings.TrimSpace(fields[i+1]), 0, 32)
		if err != nil {
			return s.free(idmap.Block, line.Number)
		}
		*into = uint32(v)
	}
	if a.Count < idmap.Block {
		return s.free(idmap.Block, line.Number)
	}
	return a
}

// mostOthers is how many other owners, and how many accounts, are reported of a file. Directories
// can have thousands.
const mostOthers = 20

// ofPicked returns the problems of a line that the daemon uses.
func (f Files) ofPicked(s side, line idmap.Line, problem report) []Problem {
	a := line.Allocation
	lines := []idmap.Line{line}
	if !idmap.Within(s.own, parentOf(a)) {
		return []Problem{problem(false, lines, s.fit(line), "ids %d to %d do not all exist here: this level has %d ids", a.Start, a.Last(), idmap.Count(s.own))}
	}
	if f.Daemon.ShadowTools && !f.Daemon.Shadow.Grants(s.file, []idmap.Mapping{parentOf(a)}) {
		return []Problem{problem(false, lines, fmt.Sprintf("line %d: %s", line.Number, ofRoot(a)), "%s accepts this line, but newuidmap does not", f.program())}
	}
	var all []Problem
	for _, l := range s.read.Lines {
		o := l.Allocation
		if l.Verdict != idmap.OtherOwner || !overlap(a, o) || isService(o.Owner) {
			continue
		}
		if len(all) == mostOthers {
			break
		}
		all = append(all, problem(true, []idmap.Line{line, l}, fmt.Sprintf("line %d: %s:%d:%d", l.Number, o.Owner, s.free(o.Count, l.Number).Start, o.Count),
			"user %s may map %ss of root's containers, and so act as their %ss", o.Owner, s.id, s.noun))
	}
	for _, account := range s.accounts {
		if len(all) >= 2*mostOthers {
			break
		}
		if account.ID >= a.Start && account.ID <= a.Last() {
			all = append(all, problem(true, lines, fmt.Sprintf("line %d: a range without %d, such as root:%d:%d", line.Number, account.ID, s.free(a.Count, 0).Start, a.Count),
				"%s %s has the id %d, and so the rights of a container's %s %d", s.noun, account.Name, account.ID, s.noun, account.ID-a.Start))
		}
	}
	return all
}

// fit returns how to change a line so that the level has its ids: those that are left if it keeps
// one block for its own users.
func (s side) fit(line idmap.Line) string {
	has := idmap.Count(s.own)
	left := idmap.Allocation{Owner: idmap.Root, Start: idmap.Block, Count: uint32(min(max(has, idmap.Block)-idmap.Block, idmap.MaxID))}
	if left.Count >= idmap.Block && idmap.Within(s.own, parentOf(left)) {
		return fmt.Sprintf("line %d: %s", line.Number, left)
	}
	least := idmap.Allocation{Owner: idmap.Root, Start: idmap.Block, Count: idmap.Block}
	return fmt.Sprintf("give this level %d ids or more from above; then line %d: %s", 2*idmap.Block, line.Number, least)
}

// isService reports whether an owner is LXD's or Incus's own account. Distributions give it the ids
// of root, and nobody logs in to it.
func isService(owner string) bool { return owner == "lxd" || owner == "_lxd" || owner == "incus" }

// ofRoot returns an allocation with the owner as newuidmap wants it.
func ofRoot(a idmap.Allocation) idmap.Allocation {
	a.Owner = idmap.Root
	return a
}

// parentOf returns an allocation as the parent ids of a map.
func parentOf(a idmap.Allocation) idmap.Mapping {
	return idmap.Mapping{Parent: a.Start, Count: a.Count}
}

func overlap(a, b idmap.Allocation) bool {
	return a.Count > 0 && b.Count > 0 && a.Start <= b.Last() && b.Start <= a.Last()
}

// taken reports whether a line other than the given one has some of the ids.
func (s side) taken(a idmap.Allocation, except int) bool {
	for _, l := range s.read.Lines {
		if l.Number != except && overlap(a, l.Allocation) {
			return true
		}
	}
	return false
}

// hostStart is where free ranges of a machine with all ids begin: beyond those of accounts.
// hostCount is what packages of LXD and Incus give to root there.
const (
	hostStart = 1000000
	hostCount = 1000000000
)

// usual returns the range that packages of LXD and Incus give to root on a machine with all ids.
// In a level it returns one block.
func (s side) usual() idmap.Allocation {
	if a := s.free(hostCount, 0); idmap.Within(s.own, parentOf(a)) {
		return a
	}
	return s.free(idmap.Block, 0)
}

// free returns the first range for root that exists here and that no line has, except the one with
// that number, which it replaces; 0 is none. If nothing is free, the range begins after all lines.
func (s side) free(count uint32, except int) idmap.Allocation {
	first := uint64(idmap.Block)
	if idmap.Count(s.own) >= idmap.MaxID {
		first = hostStart
	}
	lines := slices.DeleteFunc(slices.Clone(s.read.Lines), func(l idmap.Line) bool { return l.Number == except || l.Allocation.Count == 0 })
	slices.SortFunc(lines, func(a, b idmap.Line) int { return cmp.Compare(a.Allocation.Start, b.Allocation.Start) })
	at := func(start uint64) idmap.Allocation {
		return idmap.Allocation{Owner: idmap.Root, Start: uint32(min(start, idmap.MaxID)), Count: count}
	}
	for _, l := range lines {
		a := l.Allocation
		if first+uint64(count) <= uint64(a.Start) && idmap.Within(s.own, parentOf(at(first))) {
			break
		}
		first = max(first, uint64(a.Start)+uint64(a.Count))
	}
	return at(first)
}
