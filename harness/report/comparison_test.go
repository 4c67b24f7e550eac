package report

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// up returns level 1 with a block of ids that starts at a host id.
func up(from uint32) []idmap.PlannedLevel {
	lines := []idmap.Mapping{{Parent: from, Count: idmap.Block}}
	m := idmap.Map{UID: lines, GID: lines}
	return []idmap.PlannedLevel{{Level: 1, Map: m, Host: m}}
}

func passed(name string, levels []idmap.PlannedLevel, seconds ...float64) Scenario {
	return Scenario{Name: name, Status: Passed, Levels: levels, Seconds: seconds}
}

func run(scenarios ...Scenario) Run { return Run{Scenarios: scenarios} }

// three compares two later runs with a first one. The last one is worse.
func three() Comparison {
	stops := Scenario{Name: "b: stops", Status: Passed, Stop: &idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.NestingNotAllowed}}
	other := Scenario{Name: "b: stops", Status: Passed, Stop: &idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.DiskFull}}
	fails := Scenario{Name: "e: maps", Status: Failed, Error: "all 2 levels are up"}
	known := Scenario{Name: "f: known", Status: Failed, Error: "why"}
	skipped := Scenario{Name: "c: v1", Status: Skipped, Error: "the layout is v2"}
	return Compare(
		run(passed("a: same", up(500000), 1), stops, skipped, passed("e: maps", up(500000), 1), known, passed("g: gone", nil)),
		run(passed("a: same", up(500000), 1.9), stops, passed("c: v1", up(500000), 1), passed("e: maps", up(500000), 1), known, passed("g: gone", nil)),
		run(passed("a: same", up(500000), 1), other, skipped, passed("d: more", nil, 1), fails, known),
	)
}

func TestEachLaterRunIsComparedWithTheFirst(t *testing.T) {
	c := three()
	var got []string
	for _, row := range c.Rows {
		got = append(got, fmt.Sprintf("%s | %s | %s | %s", row.Scenario, row.Change, row.Cells[1].Change, row.Cells[2].Change))
	}
	assert.Equal(t, []string{
		"e: maps | newly failing |  | newly failing",
		"g: gone | missing |  | missing",
		"b: stops | passing with another reason |  | passing with another reason",
		"f: known | still failing | still failing | still failing",
		"d: more | added |  | added",
		"c: v1 | no longer skipped | no longer skipped | ",
	}, got, "the worst first")
	assert.Equal(t, 1, c.Same)
	assert.True(t, c.Worse)
	var names []string
	for _, column := range c.Columns {
		names = append(names, fmt.Sprintf("%s: %d, %d, %d", column.Name, column.Passed, column.Failed, column.Skipped))
	}
	assert.Equal(t, []string{"a: 4, 1, 1", "b: 5, 1, 0", "c: 3, 2, 1"}, names)
	assert.Nil(t, c.Columns[0].Verdict)
	assert.Equal(t, Verdict{Same: 4, Changed: 2}, *c.Columns[1].Verdict)
	assert.Equal(t, Verdict{Same: 2, Changed: 5, Worse: 3}, *c.Columns[2].Verdict)
}

func TestTimesOfManyRunsAreComparedOnTheSameKernelOnly(t *testing.T) {
	on := func(kernel string, seconds float64) Run {
		r := run(passed("s", nil, seconds))
		r.Facts.Kernel = kernel
		return r
	}
	assert.Len(t, Compare(on("6.1", 1), on("6.12", 9)).Rows, 1, "two runs are always compared")
	assert.Empty(t, Compare(on("6.1", 1), on("6.12", 9), on("6.1", 1.5)).Rows)
	c := Compare(on("6.1", 1), on("6.1", 1.5), on("6.1", 9), on("6.12", 9))
	require.Len(t, c.Rows, 1)
	assert.Equal(t, []outcome{{"a", "1.0 s"}, {"b", "1.5 s"}, {"c, d", "9.0 s"}}, outcomes(c.Columns, c.Rows[0].Cells))
	assert.Equal(t, Change(""), c.Rows[0].Cells[3].Change)
}

func TestACellShowsAllThatDiffers(t *testing.T) {
	stop := passed("s", up(1))
	stop.Stop = &idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.DiskFull}
	c := Compare(run(passed("s", up(1))), run(passed("s", nil)), run(stop), run(stop))
	require.Len(t, c.Rows, 1)
	maps := mapsOf(up(1), 0)
	assert.Equal(t, []outcome{
		{"a", maps + "; stops: none"}, {"b", "level 1: not up; stops: none"}, {"c, d", maps + "; stops: level 2, start: disk full"},
	}, outcomes(c.Columns, c.Rows[0].Cells), "a difference of two runs is shown once")
}

func TestTwoAndMoreRunsHaveOneShapeAsJSON(t *testing.T) {
	text, err := json.Marshal(Compare(run(passed("s", nil)), run(Scenario{Name: "s", Status: Failed, Error: "why"})))
	require.NoError(t, err)
	facts := `"facts":{"lxd":"","flavor":"","kernel":"","cgroup":"","apparmor":"","bundle":""}`
	assert.JSONEq(t, `{
		"columns": [{"name":"old",`+facts+`,"passed":1,"failed":0,"skipped":0},
			{"name":"new",`+facts+`,"passed":0,"failed":1,"skipped":0,"verdict":{"same":0,"changed":1,"worse":1}}],
		"rows": [{"scenario":"s","change":"newly failing","cells":[{"status":"passed"},{"status":"failed","change":"newly failing","detail":"why"}]}],
		"same": 0, "worse": true}`, string(text))
	text, err = json.Marshal(three())
	require.NoError(t, err)
	assert.Contains(t, string(text), `"scenario":"d: more","change":"added","cells":[{},{},{"status":"passed","change":"added"}]`)
	text, err = json.Marshal(Compare(run(passed("s", nil)), run(passed("s", nil))))
	require.NoError(t, err)
	assert.Contains(t, string(text), `"rows":[],"same":1,"worse":false`)
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
		for _, later := range [][]Run{{r}, {r, r}} {
			c := Compare(r, later...)
			assert.False(t, c.Worse)
			assert.Equal(t, len(r.Scenarios), c.Same+len(c.Rows))
			for _, row := range c.Rows {
				assert.Equal(t, StillFailing, row.Change)
			}
		}
	})
}
