package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestAMatrixShowsWhatIsNotTheSameEverywhere(t *testing.T) {
	stops := Scenario{Name: "b: stops", Status: Passed, Stop: &idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.NestingNotAllowed}}
	fails := Scenario{Name: "b: stops", Status: Failed, Error: "all 2 levels are up"}
	skipped := Scenario{Name: "c: v1", Status: Skipped, Error: "the layout is v2"}
	m := NewMatrix([]Run{
		run(passed("a: same", up(500000), 1), stops, passed("c: v1", up(500000), 1), passed("e: maps", up(500000), 1)),
		run(passed("a: same", up(500000), 9), stops, skipped, passed("e: maps", up(500000), 1)),
		run(passed("a: same", up(500000), 1), fails, skipped, passed("d: more", nil, 1), passed("e: maps", up(565536), 1)),
	})
	assert.Equal(t, 1, m.Same)
	assert.Equal(t, []string{"1 in c"}, m.Failed())
	var out strings.Builder
	require.NoError(t, m.Write(&out))
	_, table, _ := strings.Cut(out.String(), "\n\n")
	assert.Equal(t, `a   b        c        scenario
ok  ok       FAILED   b: stops
    a, b: passed: stops: level 2, start: nesting not allowed
    c: failed: all 2 levels are up
ok  skipped  skipped  c: v1
    a: passed
    b, c: skipped: the layout is v2
-   -        ok       d: more
    a, b: not in the run
    c: passed
ok  ok       ok       e: maps
    a, b: passed: level 1 (inside parent count): uid 0 500000 65536, gid 0 500000 65536; on the host: uid 0 500000 65536, gid 0 500000 65536
    c: passed: level 1 (inside parent count): uid 0 565536 65536, gid 0 565536 65536; on the host: uid 0 565536 65536, gid 0 565536 65536

4 scenarios differ, 1 are the same everywhere
`, table)
}

func TestAMatrixOfRunsThatAreAlikeHasNoTable(t *testing.T) {
	m := NewMatrix([]Run{run(passed("a: same", up(500000), 1)), run(passed("a: same", up(500000), 1))})
	var out strings.Builder
	require.NoError(t, m.Write(&out))
	_, table, _ := strings.Cut(out.String(), "\n\n")
	assert.Equal(t, "0 scenarios differ, 1 are the same everywhere\n", table)
	assert.Empty(t, m.Failed())
}
