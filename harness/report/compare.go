package report

import (
	"fmt"
	"io"
	"slices"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// Change is what became of a scenario from one run to another.
type Change string

// The changes, the worst first. Of a scenario that stayed as it was there is none.
const (
	NewlyFailing  Change = "newly failing"
	Missing       Change = "missing"
	NewlySkipped  Change = "newly skipped"
	OtherMaps     Change = "passing with other maps"
	OtherReason   Change = "passing with another reason"
	Slower        Change = "slower"
	StillFailing  Change = "still failing"
	NewlyPassing  Change = "newly passing"
	Added         Change = "added"
	NoLongerSkips Change = "no longer skipped"
)

// Changes lists them in their order.
func Changes() []Change {
	return []Change{NewlyFailing, Missing, NewlySkipped, OtherMaps, OtherReason, Slower, StillFailing, NewlyPassing, Added, NoLongerSkips}
}

// Worse tells whether the change speaks against the newer version.
func (c Change) Worse() bool {
	return c == NewlyFailing || c == Missing || c == NewlySkipped || c == OtherMaps || c == OtherReason
}

// Difference is a scenario that is not what it was.
type Difference struct {
	Change   Change `json:"change"`
	Scenario string `json:"scenario"`
	// Old and New are what differs, in a line each: status, map, reason, time.
	Old string `json:"old"`
	New string `json:"new"`
}

// Comparison is two runs side by side.
type Comparison struct {
	Old         Run          `json:"-"`
	New         Run          `json:"-"`
	Same        int          `json:"same"` // scenarios that are what they were
	Differences []Difference `json:"differences"`
	Worse       bool         `json:"worse"`
}

// Compare holds a run against an older one.
func Compare(old, now Run) Comparison {
	c := Comparison{Old: old, New: now, Differences: []Difference{}}
	before := byName(old)
	after := byName(now)
	for _, was := range old.Scenarios {
		if _, there := after[was.Name]; !there {
			c.add(Difference{Missing, was.Name, string(was.Status), "not in the run"})
		}
	}
	for _, is := range now.Scenarios {
		was, there := before[is.Name]
		switch d, differs := compare(was, is); {
		case !there:
			c.add(Difference{Added, is.Name, "not in the run", string(is.Status)})
		case differs:
			c.add(d)
		default:
			c.Same++
		}
	}
	order := Changes()
	slices.SortStableFunc(c.Differences, func(a, b Difference) int {
		return slices.Index(order, a.Change) - slices.Index(order, b.Change)
	})
	return c
}

func (c *Comparison) add(d Difference) {
	c.Differences = append(c.Differences, d)
	c.Worse = c.Worse || d.Change.Worse()
}

func byName(r Run) map[string]Scenario {
	named := map[string]Scenario{}
	for _, s := range r.Scenarios {
		named[s.Name] = s
	}
	return named
}

// compare tells the worst that became of a scenario.
func compare(was, is Scenario) (Difference, bool) {
	d := Difference{Scenario: is.Name, Old: string(was.Status), New: string(is.Status)}
	if is.Error != "" {
		d.New += ": " + is.Error
	}
	switch {
	case is.Status == Failed && was.Status == Failed:
		d.Change, d.Old = StillFailing, d.Old+": "+was.Error
	case is.Status == Failed:
		d.Change = NewlyFailing
	case is.Status == Skipped && was.Status != Skipped:
		d.Change = NewlySkipped
	case was.Status == Failed && is.Status == Passed:
		d.Change, d.Old = NewlyPassing, d.Old+": "+was.Error
	case was.Status == Skipped && is.Status == Passed:
		d.Change = NoLongerSkips
	case is.Status == Skipped:
		return d, false
	default:
		return comparePassed(was, is)
	}
	return d, true
}

// comparePassed compares what two that passed came to.
func comparePassed(was, is Scenario) (Difference, bool) {
	if was.Stop.String() != is.Stop.String() {
		return Difference{OtherReason, is.Name, "stops: " + was.Stop.String(), "stops: " + is.Stop.String()}, true
	}
	for i := range max(len(was.Levels), len(is.Levels)) {
		if w, g := mapsOf(was.Levels, i), mapsOf(is.Levels, i); w != g {
			return Difference{OtherMaps, is.Name, w, g}, true
		}
	}
	if slower(was.Seconds, is.Seconds) {
		return Difference{Slower, is.Name, fmt.Sprintf("%.1f s", slices.Max(was.Seconds)), fmt.Sprintf("%.1f s", slices.Min(is.Seconds))}, true
	}
	return Difference{}, false
}

// mapsOf are the maps of level i+1 in one line.
func mapsOf(levels []idmap.PlannedLevel, i int) string {
	if i >= len(levels) {
		return fmt.Sprintf("level %d: not up", i+1)
	}
	l := levels[i]
	return fmt.Sprintf("level %d (inside parent count): uid %s, gid %s; on the host: uid %s, gid %s", l.Level,
		harness.Lines(l.Map.UID), harness.Lines(l.Map.GID), harness.Lines(l.Host.UID), harness.Lines(l.Host.GID))
}

// What is no noise: with each version run more than once, every time of the new one is beyond every time of the old one by a
// tenth; with one run only, twice as long. A second is the machine's in any case.
const (
	noise       = 1.1
	noiseOfOne  = 2
	leastSlower = 1.0 // seconds
)

func slower(was, is []float64) bool {
	if len(was) == 0 || len(is) == 0 {
		return false
	}
	factor := noise
	if len(was) < 2 || len(is) < 2 {
		factor = noiseOfOne
	}
	slowest, fastest := slices.Max(was), slices.Min(is)
	return fastest > slowest*factor && fastest-slowest > leastSlower
}

// worse is how many scenarios speak against the newer run.
func (c Comparison) worse() int {
	n := 0
	for _, d := range c.Differences {
		if d.Change.Worse() {
			n++
		}
	}
	return n
}

// Verdict is the comparison in a line.
func (c Comparison) Verdict() string {
	worse := c.worse()
	if worse == 0 {
		return fmt.Sprintf("not worse: %d scenarios are as they were, %d differ", c.Same, len(c.Differences))
	}
	return fmt.Sprintf("worse: in %d of %d scenarios", worse, c.Same+len(c.Differences))
}

// Write prints the comparison: the differences by kind, the worst first, then the verdict.
func (c Comparison) Write(w io.Writer) error {
	fmt.Fprintf(w, "old: %s\nnew: %s\n", c.Old.Facts, c.New.Facts)
	kind := Change("")
	for _, d := range c.Differences {
		if d.Change != kind {
			kind = d.Change
			fmt.Fprintf(w, "\n%s\n", kind)
		}
		fmt.Fprintf(w, "  %s\n    old: %s\n    new: %s\n", d.Scenario, d.Old, d.New)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", c.Verdict())
	return err
}
