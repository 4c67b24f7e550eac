package report

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestEveryChangeOfAScenarioIsDetected(t *testing.T) {
	stop := &idmap.Stop{Level: 2, Op: idmap.OpCreate, Reason: idmap.NoAllocation}
	other := &idmap.Stop{Level: 2, Op: idmap.OpCreate, Reason: idmap.OutsideParent}
	ok, failed, skipped := passed("s", up(500000)), Scenario{Name: "s", Status: Failed, Error: "why"}, Scenario{Name: "s", Status: Skipped, Error: "no fuse"}
	for want, runs := range map[Change][2][]Scenario{
		NewlyFailing:  {{ok}, {failed}},
		Missing:       {{ok, passed("t", nil)}, {passed("t", nil)}},
		NewlySkipped:  {{ok}, {skipped}},
		OtherMaps:     {{ok}, {passed("s", up(500000+idmap.Block))}},
		OtherReason:   {{{Name: "s", Status: Passed, Stop: stop}}, {{Name: "s", Status: Passed, Stop: other}}},
		Slower:        {{passed("s", nil, 4)}, {passed("s", nil, 9)}},
		StillFailing:  {{failed}, {failed}},
		NewlyPassing:  {{failed}, {ok}},
		Added:         {{passed("t", nil)}, {ok, passed("t", nil)}},
		OtherVersions: {{ok}, {{Name: "s", Status: Skipped, Tag: "@before-lxd-6.2", Fact: "LXD 6.2 checks it."}}},
		NoLongerSkips: {{skipped}, {ok}},
	} {
		c := Compare(run(runs[0]...), run(runs[1]...))
		require.Len(t, c.Rows, 1, want)
		row := c.Rows[0]
		assert.Equal(t, want, row.Change)
		assert.Equal(t, "s", row.Scenario)
		assert.Equal(t, []Change{"", want}, []Change{row.Cells[0].Change, row.Cells[1].Change})
		assert.Equal(t, want == StillFailing, row.Cells[0].String() == row.Cells[1].String(), "cells of a change differ")
		assert.Equal(t, want.Worse(), c.Worse)
	}
	assert.Len(t, Changes(), 11)
}

func TestAScenarioForOtherVersionsShowsTheFact(t *testing.T) {
	c := Compare(run(Scenario{Name: "s", Status: Skipped, Tag: "@since-lxd-6.2", Fact: "LXD 6.2 checks it.", Error: "why"}), run(passed("s", nil)))
	require.Len(t, c.Rows, 1)
	assert.Equal(t, []outcome{{"old", "skipped: @since-lxd-6.2: LXD 6.2 checks it."}, {"new", "passed"}}, outcomes(c.Columns, c.Rows[0].Cells))
	assert.False(t, c.Worse)
}

func TestTheOrderOfTheLinesOfAMapMeansNothing(t *testing.T) {
	lines := []idmap.Mapping{{Inside: 0, Parent: 500000, Count: 1000}, {Inside: 1000, Parent: 1000, Count: 1}}
	level := func(of ...idmap.Mapping) []idmap.PlannedLevel {
		return []idmap.PlannedLevel{{Level: 1, Map: idmap.Map{UID: of, GID: of}, Host: idmap.Map{UID: of, GID: of}}}
	}
	assert.Empty(t, Compare(run(passed("s", level(lines[0], lines[1]))), run(passed("s", level(lines[1], lines[0])))).Rows)
}

func TestAScenarioThatIsSkippedForAnotherReasonIsTheSame(t *testing.T) {
	c := Compare(run(Scenario{Name: "s", Status: Skipped, Error: "no fuse"}), run(Scenario{Name: "s", Status: Skipped, Error: "no KVM"}))
	assert.Empty(t, c.Rows)
	assert.Equal(t, 1, c.Same)
}

func TestAFailureThatWasSkippedBeforeIsNew(t *testing.T) {
	c := Compare(run(Scenario{Name: "s", Status: Skipped, Error: "no fuse"}), run(Scenario{Name: "s", Status: Failed, Error: "why"}))
	require.Len(t, c.Rows, 1)
	assert.Equal(t, NewlyFailing, c.Rows[0].Change)
	assert.Equal(t, []outcome{{"old", "skipped: no fuse"}, {"new", "failed: why"}}, outcomes(c.Columns, c.Rows[0].Cells))
}

func TestAMissingLevelCountsAsOtherMaps(t *testing.T) {
	c := Compare(run(passed("s", up(1))), run(passed("s", nil)))
	require.Len(t, c.Rows, 1)
	assert.Equal(t, OtherMaps, c.Rows[0].Change)
	assert.Equal(t, "level 1: not up", c.Rows[0].Cells[1].String())
}

func TestSlowerMeansSlowerThanEveryOldRun(t *testing.T) {
	for _, c := range []struct {
		was, is []float64
		want    bool
	}{
		{[]float64{4}, []float64{7.9}, false}, // after a single run, twice the time is noise
		{[]float64{4}, []float64{8.1}, true},
		{[]float64{4, 5}, []float64{5.4, 6.4}, false},
		{[]float64{4, 5}, []float64{6.1, 6.4}, true},
		{[]float64{4, 5}, []float64{4.1, 60}, false}, // one new run was as fast
		{[]float64{0.1}, []float64{1}, false},        // a second is noise
		{nil, []float64{9}, false},
		{[]float64{9}, nil, false},
	} {
		assert.Equal(t, c.want, slower(c.was, c.is), "%v, then %v", c.was, c.is)
	}
}

func TestTimesAreShownFromTheLeastToTheMost(t *testing.T) {
	c := Compare(run(passed("s", nil, 5, 4)), run(passed("s", nil, 6.4, 6.1)))
	require.Len(t, c.Rows, 1)
	assert.Equal(t, []outcome{{"old", "4.0 s to 5.0 s"}, {"new", "6.1 s to 6.4 s"}}, outcomes(c.Columns, c.Rows[0].Cells))
}
