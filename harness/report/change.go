package report

import (
	"cmp"
	"fmt"
	"slices"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// A Change is the difference between a scenario's outcomes in two runs.
type Change string

// The changes, the worst first. An unchanged scenario has none.
const (
	NewlyFailing  Change = "newly failing"
	Missing       Change = "missing"
	NewlySkipped  Change = "newly skipped"
	OtherMaps     Change = "passing with other maps"
	OtherReason   Change = "passing with another reason"
	OtherVersions Change = "for other versions"
	Slower        Change = "slower"
	StillFailing  Change = "still failing"
	NewlyPassing  Change = "newly passing"
	Added         Change = "added"
	NoLongerSkips Change = "no longer skipped"
)

// Changes returns all changes in their order.
func Changes() []Change {
	return []Change{NewlyFailing, Missing, NewlySkipped, OtherMaps, OtherReason, OtherVersions, Slower, StillFailing, NewlyPassing, Added, NoLongerSkips}
}

// Worse reports whether the change is a reason not to upgrade.
func (c Change) Worse() bool {
	return c == NewlyFailing || c == Missing || c == NewlySkipped || c == OtherMaps || c == OtherReason
}

// rank returns the position of a change in Changes. No change comes last.
func (c Change) rank() int {
	if i := slices.Index(Changes(), c); i >= 0 {
		return i
	}
	return len(Changes())
}

// A describe function returns the part of a passed scenario that changed, as text.
type describe func(Scenario) string

// changeBetween returns the worst change between two outcomes of a scenario, or "", and how to show
// it if both passed. The zero Scenario means that the run does not have the scenario.
func changeBetween(was, is Scenario, timed bool) (Change, describe) {
	switch {
	case was.Status == Passed && is.Status == Passed:
		return changeOfPassed(was, is, timed)
	case was.Status == Failed && is.Status == Failed:
		return StillFailing, nil
	case was.Status == is.Status:
		return "", nil
	case is.Status == "":
		return Missing, nil
	case was.Status == "":
		return Added, nil
	case is.Status == Failed:
		return NewlyFailing, nil
	case is.Tag != "" && was.Status == Passed, was.Tag != "" && is.Status == Passed:
		return OtherVersions, nil
	case is.Status == Skipped:
		return NewlySkipped, nil
	case was.Status == Failed:
		return NewlyPassing, nil
	}
	return NoLongerSkips, nil
}

// changeOfPassed compares two passed outcomes.
func changeOfPassed(was, is Scenario, timed bool) (Change, describe) {
	if stopOf(was) != stopOf(is) {
		return OtherReason, stopOf
	}
	for i := range max(len(was.Levels), len(is.Levels)) {
		maps := func(s Scenario) string { return mapsOf(s.Levels, i) }
		if maps(was) != maps(is) {
			return OtherMaps, maps
		}
	}
	if timed && slower(was.Seconds, is.Seconds) {
		return Slower, timeOf
	}
	return "", nil
}

func stopOf(s Scenario) string { return "stops: " + s.Stop.String() }

// mapsOf returns the maps of level i+1 in one line. Their lines are in the order of the inside ids,
// because their order in the kernel means nothing.
func mapsOf(levels []idmap.PlannedLevel, i int) string {
	if i >= len(levels) {
		return fmt.Sprintf("level %d: not up", i+1)
	}
	l := levels[i]
	lines := func(mappings []idmap.Mapping) string {
		return harness.Lines(slices.SortedFunc(slices.Values(mappings), func(a, b idmap.Mapping) int { return cmp.Compare(a.Inside, b.Inside) }))
	}
	return fmt.Sprintf("level %d (inside parent count): uid %s, gid %s; on the host: uid %s, gid %s", l.Level,
		lines(l.Map.UID), lines(l.Map.GID), lines(l.Host.UID), lines(l.Host.GID))
}

// timeOf returns the time that a scenario took, or the shortest and the longest if it ran several
// times.
func timeOf(s Scenario) string {
	if len(s.Seconds) == 0 {
		return "not timed"
	}
	least, most := slices.Min(s.Seconds), slices.Max(s.Seconds)
	if len(s.Seconds) == 1 {
		return fmt.Sprintf("%.1f s", most)
	}
	return fmt.Sprintf("%.1f s to %.1f s", least, most)
}

// A scenario is slower if its time exceeds the noise. If each version ran more than once, every
// new time must exceed every old one by 10%. Otherwise it must be twice as long. A difference of
// up to a second never counts.
const (
	noise         = 1.1
	noiseOfSingle = 2
	leastSlower   = 1.0 // seconds
)

func slower(was, is []float64) bool {
	if len(was) == 0 || len(is) == 0 {
		return false
	}
	factor := noise
	if len(was) < 2 || len(is) < 2 {
		factor = noiseOfSingle
	}
	slowest, fastest := slices.Max(was), slices.Min(is)
	return fastest > slowest*factor && fastest-slowest > leastSlower
}
