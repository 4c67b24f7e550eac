package tree

import (
	"cmp"
	"fmt"
	"slices"

	"nestbed/harness/idmap"
)

// A Problem is an error in a container's lines, or a warning about lines that work in an
// unexpected way.
type Problem struct {
	Line    int    `json:"line"` // in the file, from 1
	Path    string `json:"path"`
	Warning bool   `json:"warning"`
	Text    string `json:"text"`
	// Fix is the smallest change that fixes the problem, in words; empty if none was found.
	Fix string `json:"fix,omitempty"`
	// Edits contain that change, for programs.
	Edits []Edit `json:"edits,omitempty"`
}

// An Edit replaces a line of the file by one or several lines.
type Edit struct {
	Line     int      `json:"line"`
	Path     string   `json:"path"`
	Mappings []string `json:"mappings"`
}

// Check returns the problems in the order of their lines. The warnings about a line come after
// its errors.
func (t *Tree) Check() []Problem {
	t.link()
	var all []Problem
	for _, c := range t.Containers {
		all = append(all, c.check()...)
		all = append(all, shared(c.Children)...)
	}
	var onHost []*Container
	for _, c := range t.Containers {
		if c.Depth() == 1 {
			onHost = append(onHost, c)
		}
	}
	all = append(all, shared(onHost)...)
	slices.SortStableFunc(all, func(a, b Problem) int {
		if a.Line == b.Line && a.Warning != b.Warning {
			if a.Warning {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.Line, b.Line)
	})
	return all
}

// Works reports whether all problems are only warnings.
func Works(problems []Problem) bool {
	return !slices.ContainsFunc(problems, func(p Problem) bool { return !p.Warning })
}

func (c *Container) problem(line int, format string, args ...any) Problem {
	return Problem{Line: line, Path: c.Path, Text: fmt.Sprintf(format, args...)}
}

func (c *Container) warning(line int, format string, args ...any) Problem {
	p := c.problem(line, format, args...)
	p.Warning = true
	return p
}

func (c *Container) check() []Problem {
	first := c.Lines[0].Number
	if c.Parent == nil && c.Depth() > 1 {
		p := c.problem(first, "its parent %s has no line", c.parentPath())
		p.Fix = fmt.Sprintf("add a line for %s with the ids that %s takes: %s 0:500000:%d", c.parentPath(), c.Path, c.parentPath(), c.reach())
		return []Problem{p}
	}
	if len(c.Lines) > idmap.MaxLines {
		return []Problem{c.problem(c.Lines[idmap.MaxLines].Number, "it has %d mappings, but the kernel accepts at most %d", len(c.Lines), idmap.MaxLines)}
	}
	var all []Problem
	m, parent := c.Map(), idmap.Identity()
	if c.Parent != nil {
		if len(c.Parent.Lines) > idmap.MaxLines {
			return nil // the parent has a problem of its own
		}
		parent = c.Parent.Map()
	}
	for _, k := range []struct {
		name      string
		of        func(Line) bool
		m, parent []idmap.Mapping
	}{
		{"uid", func(l Line) bool { return l.UID }, m.UID, parent.UID},
		{"gid", func(l Line) bool { return l.GID }, m.GID, parent.GID},
	} {
		lines := slices.DeleteFunc(slices.Clone(c.Lines), func(l Line) bool { return !k.of(l) })
		switch _, root := idmap.Up(k.m, 0); {
		case len(k.m) == 0:
			all = append(all, c.problem(first, "it has no %ss, so it does not start", k.name))
		case !root:
			all = append(all, c.problem(first, "it has no %s 0, so it has no root to start as", k.name))
		}
		if p := c.overlap(lines, k.name); p != nil {
			all = append(all, *p)
		}
		for _, l := range lines {
			if k.name == "gid" && l.UID && slices.Equal(parent.UID, parent.GID) {
				continue // reported for uids
			}
			if p := c.outside(l, k.name, k.parent); p != nil {
				all = append(all, *p)
			}
		}
		if len(k.m) > 0 && Works(all) {
			if err := idmap.Accept(k.parent, k.m); err != nil {
				all = append(all, c.problem(first, "the kernel refuses its %ss: %v", k.name, err))
			}
		}
		all = append(all, c.ownWarnings(lines, k.name)...)
	}
	return all
}

// reach returns the first parent id above all ids of the container.
func (c *Container) reach() uint64 {
	var end uint64
	for _, l := range c.Lines {
		end = max(end, uint64(l.Parent)+uint64(l.Count))
	}
	return end
}

// overlap returns the first two lines of a container that overlap, which the kernel refuses
// (kernel/user_namespace.c, mappings_overlap).
func (c *Container) overlap(lines []Line, kind string) *Problem {
	for _, side := range []struct {
		name string
		id   func(Line) uint32
	}{
		{"inside", func(l Line) uint32 { return l.Inside }}, {"parent", func(l Line) uint32 { return l.Parent }},
	} {
		sorted := slices.SortedStableFunc(slices.Values(lines), func(a, b Line) int { return cmp.Compare(side.id(a), side.id(b)) })
		for i := 1; i < len(sorted); i++ {
			a, b := sorted[i-1], sorted[i]
			if uint64(side.id(a))+uint64(a.Count) > uint64(side.id(b)) {
				p := c.problem(max(a.Number, b.Number), "its %s mappings in lines %d and %d overlap in their %s ids",
					kind, min(a.Number, b.Number), max(a.Number, b.Number), side.name)
				return &p
			}
		}
	}
	return nil
}

// ownWarnings returns the warnings about a container's own lines.
func (c *Container) ownWarnings(lines []Line, kind string) []Problem {
	var all []Problem
	above := "the host"
	if c.Parent != nil {
		above = c.Parent.Path
	}
	if kind == "gid" && slices.EqualFunc(lines, c.Lines, func(a, b Line) bool { return a == b }) && !slices.ContainsFunc(lines, func(l Line) bool { return !l.UID }) {
		return nil // same as for uids
	}
	var total uint64
	for _, l := range lines {
		total += uint64(l.Count)
		switch {
		case l.Parent == 0:
			all = append(all, c.warning(l.Number, "its %s %d is root of %s", kind, l.Inside, above))
		case l.Parent < idmap.Block:
			all = append(all, c.warning(l.Number, "it shares %ss from %d on with %s's own users", kind, l.Parent, above))
		}
	}
	if total > 0 && total < idmap.Block {
		all = append(all, c.warning(c.Lines[0].Number, "it has %d %ss: LXD ignores an allocation of fewer than %d", total, kind, idmap.Block))
	}
	return all
}

// shared returns a warning for each sibling that has the same parent ids as an earlier one.
func shared(siblings []*Container) []Problem {
	type span struct {
		c *Container
		l Line
	}
	var all []Problem
	for _, kind := range []string{"uid", "gid"} {
		var spans []span
		for _, c := range siblings {
			for _, l := range c.Lines {
				if kind == "uid" && l.UID || kind == "gid" && l.GID {
					spans = append(spans, span{c, l})
				}
			}
		}
		slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.l.Parent, b.l.Parent) })
		furthest := 0
		for i := 1; i < len(spans); i++ {
			a, b := spans[furthest], spans[i]
			end := uint64(a.l.Parent) + uint64(a.l.Count)
			reported := kind == "gid" && a.l.UID && b.l.UID // reported for uids
			if end > uint64(b.l.Parent) && a.c != b.c && !reported {
				all = append(all, b.c.warning(b.l.Number, "it shares %ss from %d on with %s", kind, b.l.Parent, a.c.Path))
			}
			if uint64(b.l.Parent)+uint64(b.l.Count) > end {
				furthest = i
			}
		}
	}
	return all
}
