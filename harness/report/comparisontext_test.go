package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
)

func TestAComparisonOfTwoRunsAsText(t *testing.T) {
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

func TestATableShowsTheScenariosThatDiffer(t *testing.T) {
	var out strings.Builder
	require.NoError(t, three().Write(&out))
	columns, table, _ := strings.Cut(out.String(), "\n\n")
	assert.Regexp(t, `^a  4 passed, 1 failed, 1 skipped: LXD .*\nb  5 passed, 1 failed, 0 skipped: LXD .*\nc  3 passed, 2 failed, 1 skipped: LXD .*$`, columns)
	assert.Equal(t, `a        b       c        scenario
ok       ok      FAILED   e: maps
    a, b: passed
    c: failed: all 2 levels are up
ok       ok      -        g: gone
    a, b: passed
    c: not in the run
ok       ok      ok       b: stops
    a, b: stops: level 2, start: nesting not allowed
    c: stops: level 2, start: disk full
FAILED   FAILED  FAILED   f: known
    a, b, c: failed: why
-        -       ok       d: more
    a, b: not in the run
    c: passed
skipped  ok      skipped  c: v1
    a, c: skipped: the layout is v2
    b: passed

6 scenarios differ, 1 are the same everywhere
b: not worse: 4 scenarios are as they were, 2 differ
c: worse: in 3 of 7 scenarios
`, table)
	assert.Equal(t, "worse than a: c", three().Verdict())
}

func TestATableShowsMapsOnlyIfTheyDiffer(t *testing.T) {
	r, other := run(passed("s", up(500000))), run(passed("s", up(565536)))
	var out strings.Builder
	require.NoError(t, Compare(r, r, other).Write(&out))
	assert.Contains(t, out.String(), `
ok  ok  ok  s
    a, b: level 1 (inside parent count): uid 0 500000 65536, gid 0 500000 65536; on the host: uid 0 500000 65536, gid 0 500000 65536
    c: level 1 (inside parent count): uid 0 565536 65536, gid 0 565536 65536; on the host: uid 0 565536 65536, gid 0 565536 65536
`)
}

func TestEqualRunsHaveNoTable(t *testing.T) {
	r := run(passed("a: same", up(500000), 1))
	c := Compare(r, r, r)
	var out strings.Builder
	require.NoError(t, c.Write(&out))
	_, table, _ := strings.Cut(out.String(), "\n\n")
	assert.Equal(t, `0 scenarios differ, 1 are the same everywhere
b: not worse: 1 scenarios are as they were, 0 differ
c: not worse: 1 scenarios are as they were, 0 differ
`, table)
	assert.Equal(t, "no run is worse than a", c.Verdict())
}
