package report_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/drawing"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/report"
)

// stopped returns the result of a chain that stopped for the reason.
func stopped(reason idmap.Reason) report.Result {
	stop := &idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: reason}
	return report.Result{Depth: 3, Levels: article()[:1], Stop: stop, Error: stop.String() + ": exit status 1"}
}

var (
	good = harness.Check{Subject: harness.Files, Level: 1, What: "host owner", Wanted: "1:1", Got: "1:1"}
	bad  = harness.Check{Subject: harness.Files, Level: 2, What: "host owner", Wanted: "1:1", Got: "2:2"}
)

func TestACompleteChainWhoseChecksPassIsNoFailure(t *testing.T) {
	require.NoError(t, report.Result{Levels: article(), Checks: []harness.Check{good, good}}.Failure())
	require.NoError(t, report.Result{}.Failure())
}

func TestFailedChecksAreCountedAndTheFirstIsNamed(t *testing.T) {
	require.EqualError(t, report.Result{Checks: []harness.Check{bad}}.Failure(),
		"1 of 1 checks failed, first: level 2: host owner: wanted 1:1, got 2:2")
	second := bad
	second.Level = 3
	err := report.Result{Levels: article(), Checks: []harness.Check{good, bad, second}}.Failure()
	require.EqualError(t, err, "2 of 3 checks failed, first: level 2: host owner: wanted 1:1, got 2:2")
}

func TestAChainThatStoppedIsAFailureThatSaysWhereAndWhy(t *testing.T) {
	require.EqualError(t, stopped(idmap.NoAllocation).Failure(), "the chain stopped at level 2, start: no allocation: exit status 1")
	r := stopped(idmap.Unclassified)
	r.Checks = []harness.Check{bad}
	require.EqualError(t, r.Failure(), "the chain stopped at level 2, start: unclassified: exit status 1", "the stop comes before failed checks")
}

func TestAContradictionIsAFailureEvenIfTheChainIsComplete(t *testing.T) {
	found := idmap.Plan{Levels: []idmap.PlannedLevel{{Level: 1, Map: both(100000, 65536), Host: both(100000, 65536)}}}
	contradiction := harness.Contradiction(idmap.Plan{}, found)
	require.Error(t, contradiction)
	r := report.Result{Levels: article(), Checks: []harness.Check{good}, Contradiction: contradiction.Error()}
	require.EqualError(t, r.Failure(), contradiction.Error())
}

func TestAResultIsReadBackFromItsJSON(t *testing.T) {
	r := stopped(idmap.DiskFull)
	r.Facts = host.Facts{LXD: "5.0.2", Kernel: "6.1.0", Cgroup: "v2", AppArmor: "off", Bundle: "installed (0123456789abcdef)"}
	r.Allocation = idmap.Delegate(idmap.Allocation{Owner: "root", Start: 500000, Count: 196608})
	r.HostName, r.Seconds, r.Checks = "4711", 1.5, []harness.Check{good, bad}
	r.Contradiction = "LXD contradicts the plan"
	text, err := json.Marshal(r)
	require.NoError(t, err)
	var again report.Result
	require.NoError(t, json.Unmarshal(text, &again))
	assert.Equal(t, r, again)
}

func TestTheJSONOfAResultNamesWhatProgramsLookFor(t *testing.T) {
	text, err := json.Marshal(stopped(idmap.DiskFull))
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(text, &fields))
	assert.Equal(t, map[string]any{"level": 2.0, "op": "start", "reason": "disk full"}, fields["stop"])
	level := fields["levels"].([]any)[0].(map[string]any)
	line := []any{map[string]any{"inside": 0.0, "parent": 500000.0, "count": 196608.0}}
	assert.Equal(t, map[string]any{"uid": line, "gid": line}, level["hostMap"])
	assert.Equal(t, "c1", level["name"])

	text, err = json.Marshal(report.Result{})
	require.NoError(t, err)
	assert.NotContains(t, string(text), `"stop"`, "a complete chain has none")
	assert.NotContains(t, string(text), `"error"`)
}

func TestSecondsAreWrittenWithOneDigit(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0.0 s", 49 * time.Millisecond: "0.0 s", 1234 * time.Millisecond: "1.2 s", 90 * time.Second: "90.0 s",
	} {
		assert.Equal(t, want, report.Seconds(d))
	}
}

func TestTheUIDsOfTheLevelsAreDrawnAndWrongMapsAreMarked(t *testing.T) {
	r := report.Result{Levels: article()[:2], Checks: []harness.Check{good, bad}}
	for i := range r.Levels {
		r.Levels[i].Host.GID = []idmap.Mapping{{Inside: 0, Parent: 4000000000, Count: 1}}
	}
	want := []drawing.Bar{
		{Name: "c1", Depth: 1, Host: []idmap.Mapping{{Inside: 0, Parent: 500000, Count: 196608}}},
		{Name: "c2", Depth: 2, Host: []idmap.Mapping{{Inside: 0, Parent: 565536, Count: 131072}}},
	}
	assert.Equal(t, want, r.Bars(), "the failed check at level 2 is not about its maps")
	r.Checks = append(r.Checks, harness.Check{Subject: harness.IDMaps, Level: 2, Wanted: "0 65536 131072", Got: "0 65536 65536"})
	want[1].Problem = true
	assert.Equal(t, want, r.Bars())
	assert.Empty(t, report.Result{}.Bars())
}

func TestTheTitleOfADrawingDescribesTheChain(t *testing.T) {
	r := report.Result{
		Depth: 3, Allocation: idmap.Delegate(idmap.Allocation{Owner: "root", Start: 500000, Count: 196608}),
		Facts: host.Facts{LXD: "5.0.2", Kernel: "6.1.0"},
	}
	assert.Equal(t, "depth 3 on root:500000:196608, LXD 5.0.2, kernel 6.1.0", r.Title())
}
