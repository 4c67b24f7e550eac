package subid

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"nestbed/harness/idmap"
)

// Rootless returns what does not work for an ordinary user's engine, such as rootless Podman,
// Docker or BuildKit. It maps id 0 to the user, and the ids of the user's lines from 1 on
// (rootless-containers/rootlesskit: pkg/parent/idtools). By newuidmap's rules, a line has the
// user's name or uid.
func (f Files) Rootless(user Account) []Problem {
	var all []Problem
	for _, s := range f.sides() {
		all = append(all, s.rootless(user)...)
	}
	all = merged(all)
	if !f.Daemon.ShadowTools {
		all = append(all, Problem{
			Files: []string{"newuidmap"}, Text: "newuidmap or newgidmap is missing, or has neither set-user-id nor file capabilities, so no user can map more than one id",
			Fix: "apt-get install uidmap; in a level, also make the file again there, because its capabilities are lost if they were set above",
		})
	}
	return all
}

func (s side) rootless(user Account) []Problem {
	mine := s.linesOf(user)
	total := uint64(0)
	for _, l := range mine {
		total += uint64(l.Allocation.Count)
	}
	free := func(except int) idmap.Allocation {
		a := s.free(idmap.Block, except)
		a.Owner = user.Name
		return a
	}
	if len(mine) == 0 {
		return []Problem{{Files: []string{s.path}, Text: user.Name + " has no line, so its containers have one id only", Fix: "write the line " + free(0).String()}}
	}
	var all []Problem
	slices.SortStableFunc(mine, func(a, b idmap.Line) int { return cmp.Compare(a.Allocation.Start, b.Allocation.Start) })
	for i, l := range mine {
		if len(all) >= mostOthers {
			break
		}
		a := l.Allocation
		add := func(lines []idmap.Line, format string, args ...any) {
			all = append(all, Problem{Files: []string{s.path}, Lines: numbers(lines), Text: fmt.Sprintf(format, args...), Fix: fmt.Sprintf("line %d: %s", l.Number, free(l.Number))})
		}
		if user.ID >= a.Start && user.ID <= a.Last() {
			add([]idmap.Line{l}, "it has %s's own id %d, which is mapped to 0 already, and the kernel refuses a map that has an id twice", user.Name, user.ID)
		}
		if !idmap.Within(s.own, parentOf(a)) {
			add([]idmap.Line{l}, "ids %d to %d do not all exist here: this level has %d ids", a.Start, a.Last(), idmap.Count(s.own))
		}
		if i > 0 && overlap(a, mine[i-1].Allocation) {
			add([]idmap.Line{mine[i-1], l}, "they overlap, and the kernel refuses a map that has an id twice")
		}
	}
	if len(all) == 0 && total < idmap.Block {
		all = append(all, Problem{
			Files: []string{s.path}, Lines: numbers(mine), Works: true, Text: fmt.Sprintf("%s has %d ids: images with files of other owners cannot be unpacked", user.Name, total),
			Fix: "write the line " + free(0).String(),
		})
	}
	return all
}

// linesOf returns the lines of a user that newuidmap and the engines accept. Unlike LXD, they skip
// malformed lines.
func (s side) linesOf(user Account) []idmap.Line {
	var mine []idmap.Line
	for i, text := range strings.Split(s.file.Text, "\n") {
		a, err := idmap.ParseAllocation(text)
		if err == nil && a.Count > 0 && (a.Owner == user.Name || a.Owner == strconv.FormatUint(uint64(user.ID), 10)) {
			mine = append(mine, idmap.Line{Number: i + 1, Text: text, Allocation: a})
		}
	}
	return mine
}
