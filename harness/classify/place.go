package classify

import (
	"regexp"
	"strconv"
	"strings"

	"nestbed/harness/idmap"
)

// A statedStop is a stop that a report of nestbed's states, and the number of its line.
type statedStop struct {
	stop idmap.Stop
	line int
}

var (
	stopParts = regexp.MustCompile(`level (\d+), ([a-z]+): ([a-zA-Z. ]+)`)
	nested    = regexp.MustCompile(`containers/[^/ ]+/rootfs/`)
	pathNames = regexp.MustCompile(`c1/c2(?:/c\d+)*`)
)

// stops returns what reports of nestbed's in the text say about where a chain stopped.
func (in input) stops() (all []statedStop) {
	for i, line := range in.lines {
		if !strings.Contains(line, "level ") {
			continue
		}
		m := stopParts.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		level, err := strconv.Atoi(m[1])
		op, err2 := idmap.ParseOp(m[2])
		for _, reason := range idmap.Reasons() {
			stop := idmap.Stop{Level: level, Op: op, Reason: reason}
			if err == nil && err2 == nil && strings.HasPrefix(m[3], string(reason)) {
				all = append(all, statedStop{stop, i})
			}
		}
	}
	return all
}

// addStop adds a finding for a reason that nestbed itself states.
func (in input) addStop(s statedStop, found map[int]*Finding) {
	for n, r := range explainRules {
		if _, has := found[n]; r.reason == s.stop.Reason && !has {
			found[n] = &Finding{
				Reason: r.reason, What: r.what, Cause: r.causes[0], Others: r.causes[1:], rank: rankOf(n),
				Lines: []Line{{s.line + 1, shorten(in.lines[s.line], 0)}},
			}
			return
		}
	}
}

// levelOf returns the level of a container that a line names by its path on the host or by names
// such as c1/c2/c3, or 0.
func levelOf(line string) int {
	level := len(nested.FindAllString(line, -1))
	if level < 2 { // one is below the daemon that says so, wherever that is
		level = 0
	}
	if names := pathNames.FindString(line); names != "" {
		level = max(level, 1+strings.Count(names, "/"))
	}
	return level
}
