package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// up is level 1 with a block of ids from a host id on.
func up(from uint32) []idmap.PlannedLevel {
	lines := []idmap.Mapping{{Parent: from, Count: idmap.Block}}
	m := idmap.Map{UID: lines, GID: lines}
	return []idmap.PlannedLevel{{Level: 1, Map: m, Host: m}}
}

func passed(name string, levels []idmap.PlannedLevel, seconds ...float64) Scenario {
	return Scenario{Name: name, Status: Passed, Levels: levels, Seconds: seconds}
}

func run(scenarios ...Scenario) Run { return Run{Scenarios: scenarios} }

func TestWhatBecameOfAScenarioIsNamed(t *testing.T) {
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
		NoLongerSkips: {{skipped}, {ok}},
	} {
		c := Compare(run(runs[0]...), run(runs[1]...))
		require.Len(t, c.Differences, 1, want)
		assert.Equal(t, want, c.Differences[0].Change)
		assert.Equal(t, "s", c.Differences[0].Scenario)
		assert.Equal(t, want == StillFailing, c.Differences[0].Old == c.Differences[0].New, "what differs is seen")
		assert.Equal(t, want.Worse(), c.Worse)
	}
	assert.Len(t, Changes(), 10)
}

func TestAFailureThatWasSkippedBeforeIsNew(t *testing.T) {
	c := Compare(run(Scenario{Name: "s", Status: Skipped}), run(Scenario{Name: "s", Status: Failed, Error: "why"}))
	require.Len(t, c.Differences, 1)
	assert.Equal(t, Difference{NewlyFailing, "s", "skipped", "failed: why"}, c.Differences[0])
}

func TestALevelThatIsNotUpAnyMoreIsAnotherMap(t *testing.T) {
	c := Compare(run(passed("s", up(1))), run(passed("s", nil)))
	require.Len(t, c.Differences, 1)
	assert.Equal(t, OtherMaps, c.Differences[0].Change)
	assert.Equal(t, "level 1: not up", c.Differences[0].New)
}

func TestSlowerIsWhatNoRunOfTheOldVersionWas(t *testing.T) {
	for _, c := range []struct {
		was, is []float64
		want    bool
	}{
		{[]float64{4}, []float64{7.9}, false}, // of one run, as much again is noise
		{[]float64{4}, []float64{8.1}, true},
		{[]float64{4, 5}, []float64{5.4, 6.4}, false},
		{[]float64{4, 5}, []float64{6.1, 6.4}, true},
		{[]float64{4, 5}, []float64{4.1, 60}, false}, // one of the new was as fast
		{[]float64{0.1}, []float64{1}, false},        // a second is the machine's
		{nil, []float64{9}, false},
		{[]float64{9}, nil, false},
	} {
		assert.Equal(t, c.want, slower(c.was, c.is), "%v, then %v", c.was, c.is)
	}
}

func TestARunIsNoWorseThanItself(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r Run
		for _, name := range rapid.SliceOfDistinct(rapid.StringMatching(`[a-z]{1,4}`), rapid.ID[string]).Draw(t, "names") {
			s := Scenario{Name: name, Status: rapid.SampledFrom([]Status{Passed, Failed, Skipped}).Draw(t, "status")}
			s.Seconds = rapid.SliceOfN(rapid.Float64Range(0, 100), 0, 3).Draw(t, "seconds")
			s.Levels = up(rapid.Uint32().Draw(t, "from"))
			r.Scenarios = append(r.Scenarios, s)
		}
		c := Compare(r, r)
		assert.False(t, c.Worse)
		assert.Equal(t, len(r.Scenarios), c.Same+len(c.Differences))
		for _, d := range c.Differences {
			assert.Equal(t, StillFailing, d.Change)
		}
	})
}

func TestAComparisonReads(t *testing.T) {
	old := run(passed("a", up(500000)), passed("b", nil), passed("c", nil))
	old.Facts = host.Facts{LXD: "5.0.2", Package: "lxd 5.0.2-5", Kernel: "6.1", Cgroup: "hybrid", AppArmor: "off", Bundle: "installed (1)"}
	now := run(passed("a", up(565536)), Scenario{Name: "b", Status: Failed, Error: "level 2, create: no allocation"}, passed("c", nil))
	now.Facts = old.Facts
	now.Facts.Package = "lxd 5.0.2+git20231211"
	var text strings.Builder
	require.NoError(t, Compare(old, now).Write(&text))
	assert.Equal(t, `old: LXD 5.0.2 (lxd 5.0.2-5), kernel 6.1, cgroup hybrid, AppArmor off, bundle installed (1)
new: LXD 5.0.2 (lxd 5.0.2+git20231211), kernel 6.1, cgroup hybrid, AppArmor off, bundle installed (1)

newly failing
  b
    old: passed
    new: failed: level 2, create: no allocation

passing with other maps
  a
    old: level 1 (inside parent count): uid 0 500000 65536, gid 0 500000 65536; on the host: uid 0 500000 65536, gid 0 500000 65536
    new: level 1 (inside parent count): uid 0 565536 65536, gid 0 565536 65536; on the host: uid 0 565536 65536, gid 0 565536 65536

worse: in 2 of 3 scenarios
`, text.String())
}
