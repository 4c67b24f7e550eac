// Package subid finds what does not work in /etc/subuid and /etc/subgid, or surprises, and the
// smallest change that fixes it. It reads no files.
package subid

import (
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/idmap"
)

// A Problem is something in the files that keeps containers from starting, or that surprises.
type Problem struct {
	// Files are the paths of one or both files, and Lines are the numbers of lines in them, from 1.
	Files []string `json:"files"`
	Lines []int    `json:"lines,omitempty"`
	// Works is true if containers start nevertheless.
	Works bool `json:"works"`
	// Text says what is wrong, and Fix what to change.
	Text string `json:"text"`
	Fix  string `json:"fix"`
}

// An Account is a user, or a group, of the machine.
type Account struct {
	Name string
	ID   uint32
}

// Files are the two files of a machine or a level, with what decides whether they work.
type Files struct {
	// Daemon has the files, and whose rules count.
	Daemon idmap.Daemon
	// UIDPath and GIDPath are the paths of the files, as they are shown.
	UIDPath, GIDPath string
	// Own is the idmap of the machine or level that has the files.
	Own idmap.Map
	// Users and Groups are the accounts there.
	Users, Groups []Account
}

// A side is one of the two files.
type side struct {
	path     string
	file     idmap.File
	read     idmap.Reading
	own      []idmap.Mapping
	accounts []Account
	noun     string // user or group
	id       string // uid or gid
	byItself []idmap.Mapping
}

func (f Files) sides() [2]side {
	choice := f.Daemon.Choose(f.Own)
	byItself := idmap.Map{}
	if choice.Default {
		byItself = choice.Map
	}
	return [2]side{
		{f.UIDPath, f.Daemon.Delegation.UID, choice.UID, f.Own.UID, f.Users, "user", "uid", byItself.UID},
		{f.GIDPath, f.Daemon.Delegation.GID, choice.GID, f.Own.GID, f.Groups, "group", "gid", byItself.GID},
	}
}

// Problems returns what does not work for the containers of root's LXD or Incus, or surprises.
func (f Files) Problems() []Problem {
	var all []Problem
	sides := f.sides()
	for i, s := range sides {
		all = append(all, f.ofSide(s, sides[1-i])...)
	}
	return merged(all)
}

// merged returns the problems with those that both files have as one.
func merged(problems []Problem) []Problem {
	var all []Problem
	for _, p := range problems {
		i := slices.IndexFunc(all, func(q Problem) bool { return p.Text == q.Text && p.Fix == q.Fix && slices.Equal(p.Lines, q.Lines) })
		if i < 0 {
			all = append(all, p)
			continue
		}
		all[i].Files = append(all[i].Files, p.Files...)
	}
	return all
}

func (f Files) ofSide(s, other side) []Problem {
	problem := func(works bool, lines []idmap.Line, fix, format string, args ...any) Problem {
		return Problem{Files: []string{s.path}, Lines: numbers(lines), Works: works, Text: fmt.Sprintf(format, args...), Fix: fix}
	}
	name := f.program()
	picked := distinct(s.read.Picked())
	switch {
	case s.file.Missing && len(other.read.Picked()) > 0:
		line := ofRoot(other.read.Picked()[0].Allocation)
		return []Problem{problem(false, nil, "write the line "+line.String(), "it is missing, so %s does not use %s either", name, other.path)}
	case s.read.Malformed > 0:
		bad := s.read.Lines[s.read.Malformed-1]
		return []Problem{problem(false, []idmap.Line{bad}, fmt.Sprintf("write line %d as owner:start:count, or begin it with #", bad.Number),
			"it has fewer than three fields, so %s accepts no line of the file", name)}
	case len(picked) == 0:
		return f.without(s, other, problem)
	}
	if len(picked) > 1 { // Incus
		return []Problem{problem(false, picked, keepOne(picked),
			"%s uses each of these lines from inside id 0 on, and the kernel refuses a map that has an id twice", name)}
	}
	return f.ofPicked(s, picked[0], problem)
}

// program returns the name of the program that reads the files.
func (f Files) program() string {
	if f.Daemon.Flavor.Incus() {
		return "Incus"
	}
	return "LXD"
}

// distinct returns the lines without those that equal an earlier one: Incus counts them once.
func distinct(lines []idmap.Line) []idmap.Line {
	var all []idmap.Line
	for _, l := range lines {
		if !slices.ContainsFunc(all, func(a idmap.Line) bool {
			return a.Allocation.Start == l.Allocation.Start && a.Allocation.Count == l.Allocation.Count
		}) {
			all = append(all, l)
		}
	}
	return all
}

func numbers(lines []idmap.Line) []int {
	var all []int
	for _, l := range lines {
		all = append(all, l.Number)
	}
	slices.Sort(all)
	return all
}

// keepOne says how to keep one of several lines. The first is the one that LXD has used, if the
// containers come from there. Neighbors can be merged.
func keepOne(picked []idmap.Line) string {
	var remove []string
	merged := picked[0].Allocation
	for _, l := range picked[1:] {
		remove = append(remove, fmt.Sprint(l.Number))
		if merged.Count > 0 && uint64(merged.Start)+uint64(merged.Count) == uint64(l.Allocation.Start) && uint64(merged.Count)+uint64(l.Allocation.Count) <= idmap.MaxID {
			merged.Count += l.Allocation.Count
		} else {
			merged.Count = 0 // they are no neighbors
		}
	}
	lines := "line "
	if len(remove) > 1 {
		lines = "lines "
	}
	fix := fmt.Sprintf("keep line %d (%s), the one that LXD uses, and remove %s%s", picked[0].Number, picked[0].Allocation, lines, strings.Join(remove, ", "))
	if merged.Count > 0 {
		fix += fmt.Sprintf("; or write one line in their place: %s", merged)
	}
	return fix
}
