package idmap_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"nestbed/harness/idmap"
)

// A difference is a case in which the kernel and package idmap disagree.
type difference struct {
	level int // from 0
	gid   bool
	lines []idmap.Mapping // the map concerned, as it was written
	what  string
}

func (d *difference) Error() string {
	return fmt.Sprintf("level %d, %s: %s", d.level+1, file(d.gid), d.what)
}

// plan returns a plan that writes each map to uids and gids.
func (s stack) plan() plan {
	var p plan
	for _, m := range s {
		p = append(p, level{{false, m}, {true, m}})
	}
	return p
}

// String returns the stack as Go code for the table of mapTable maps.
func (s stack) String() string {
	var maps []string
	for _, m := range s {
		var of []string
		for _, l := range m {
			of = append(of, fmt.Sprintf("[3]uint32{%d, %d, %d}", l.Inside, l.Parent, l.Count))
		}
		maps = append(maps, "lines("+strings.Join(of, ", ")+")")
	}
	return "stack{" + strings.Join(maps, ", ") + "}"
}

// explain describes an error of building a chain. For a difference it finds the smallest maps
// that still show it and prints them as Go code for the table of mapTable maps.
func explain(err error, p plan, own idmap.Map) string {
	var d *difference
	if !errors.As(err, &d) {
		return err.Error()
	}
	var s stack
	in := own
	for _, l := range p[:d.level] {
		written := l.written(in)
		s = append(s, *side(&written, d.gid))
		in = l.accepted(in)
	}
	small, wrong := shrink(append(s, d.lines), own)
	if wrong == nil {
		return fmt.Sprintf("%v\nnot with that map and the maps above it alone, only with the whole chain: %v", d, p)
	}
	return fmt.Sprintf("%v\n%v", wrong, small)
}

// shrink removes levels and lines from s as long as the kernel and package idmap still
// disagree. It returns a nil difference if they do not disagree about s.
func shrink(s stack, own idmap.Map) (stack, *difference) {
	try := func(s stack) *difference {
		var d *difference
		b := builder{own: own}
		defer b.close()
		errors.As(b.build(s.plan(), 0), &d)
		return d
	}
	wrong := try(s)
	if wrong == nil {
		return s, nil
	}
	for again := true; again; {
		again = false
		for smaller := range s[:wrong.level+1].smaller {
			if d := try(smaller); d != nil {
				s, wrong, again = smaller, d, true
				break
			}
		}
	}
	return s[:wrong.level+1], wrong
}

// smaller yields s without each of its levels, then s without parts of each map, larger parts
// first.
func (s stack) smaller(yield func(stack) bool) {
	for i := range s {
		if len(s) > 1 && !yield(slices.Delete(slices.Clone(s), i, i+1)) {
			return
		}
	}
	for i, m := range s {
		for part := len(m); part >= 1; part /= 2 {
			for from := 0; from+part <= len(m); from += part {
				less := slices.Clone(s)
				less[i] = slices.Delete(slices.Clone(m), from, from+part)
				if !yield(less) {
					return
				}
			}
		}
	}
}

// classes are the kinds of maps that a run must include.
var classes = []string{
	"accepted", "EINVAL", "EPERM", "accepted at level 6", "accepted with 6 to 339 lines", "accepted with 340 lines", "341 lines",
	"accepted with 4095 bytes", "4096 bytes", "EPERM across two lines", "accepted up to the last id", "EINVAL at -1", "overlap by one id",
}

// A tally counts maps by class.
type tally map[string]int

func (c *tally) add(lines, parent []idmap.Mapping, answer syscall.Errno, level int) {
	accepted, size := answer == 0, len(written(lines))
	is := map[string]bool{
		"accepted": accepted, "EINVAL": answer == syscall.EINVAL, "EPERM": answer == syscall.EPERM,
		"accepted at level 6":          accepted && level == 6,
		"accepted with 6 to 339 lines": accepted && len(lines) > 5 && len(lines) < 340,
		"accepted with 340 lines":      accepted && len(lines) == 340,
		"341 lines":                    len(lines) == 341 && size < 4096,
		"accepted with 4095 bytes":     accepted && size == 4095,
		"4096 bytes":                   size == 4096 && len(lines) <= 340,
	}
	for i, m := range lines {
		end := uint64(m.Inside) + uint64(m.Count)
		is["accepted up to the last id"] = is["accepted up to the last id"] || accepted && end == idmap.MaxID+1
		is["EINVAL at -1"] = is["EINVAL at -1"] || len(lines) == 1 && m.Count > 0 && end == idmap.MaxID+2
		is["EPERM across two lines"] = is["EPERM across two lines"] || answer == syscall.EPERM && holds(parent, false, m.Parent, m.Count)
		for _, o := range lines[:min(i, 5)] {
			is["overlap by one id"] = is["overlap by one id"] || answer == syscall.EINVAL && o.Inside+o.Count-1 == m.Inside
		}
	}
	if *c == nil {
		*c = tally{}
	}
	for class, it := range is {
		if it {
			(*c)[class]++
		}
	}
}

func (c *tally) join(other tally) {
	if *c == nil {
		*c = tally{}
	}
	for class, n := range other {
		(*c)[class] += n
	}
}

// never returns the classes that did not occur.
func (c tally) never() []string {
	return slices.DeleteFunc(slices.Clone(classes), func(class string) bool { return c[class] > 0 })
}

func (c tally) String() string {
	var of []string
	for _, class := range classes {
		of = append(of, fmt.Sprintf("%s %d", class, c[class]))
	}
	return strings.Join(of, ", ")
}
