package report_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
	"nestbed/harness/report"
)

// chain returns the levels of the article's recipe at any depth: every level keeps one block and
// delegates the rest.
func chain(start uint32, depth int) []report.Level {
	var levels []report.Level
	for i := range depth {
		parent, count := uint32(idmap.Block), idmap.Needed(depth-i)
		if i == 0 {
			parent = start
		}
		levels = append(levels, report.Level{
			Level: i + 1, Name: fmt.Sprintf("c%d", i+1), Map: both(parent, count), Host: both(start+idmap.Needed(i), count),
		})
	}
	return levels
}

// both returns a map with one line, the same for uids and gids.
func both(parent, count uint32) idmap.Map {
	m := []idmap.Mapping{{Inside: 0, Parent: parent, Count: count}}
	return idmap.Map{UID: m, GID: m}
}

// article returns the article's chain: root:500000:196608, three levels deep.
func article() []report.Level { return chain(500000, 3) }

// table returns the lines of a table.
func table(t *testing.T, levels []report.Level) []string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.WriteTable(&b, levels))
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

func TestUIDsAndGIDsThatAreMappedAlikeShareALine(t *testing.T) {
	assert.Equal(t, []string{
		"  level  name      ids  inside  parent    host   count",
		"      1    c1  uid+gid       0  500000  500000  196608",
		"      2    c2  uid+gid       0   65536  565536  131072",
		"      3    c3  uid+gid       0   65536  631072   65536",
	}, table(t, article()))
}

func TestUIDsAndGIDsThatAreMappedApartHaveTheirOwnLines(t *testing.T) {
	level := article()[0]
	level.Map.GID = []idmap.Mapping{{Inside: 0, Parent: 700000, Count: 65536}}
	level.Host.GID = level.Map.GID
	assert.Equal(t, []string{
		"  level  name  ids  inside  parent    host   count",
		"      1    c1  uid       0  500000  500000  196608",
		"      1    c1  gid       0  700000  700000   65536",
	}, table(t, []report.Level{level}))
}

func TestGIDsThatDifferOnTheHostOnlyHaveTheirOwnLines(t *testing.T) {
	level := article()[1]
	level.Host.GID = []idmap.Mapping{{Inside: 0, Parent: 765536, Count: 131072}}
	assert.Equal(t, []string{
		"  level  name  ids  inside  parent    host   count",
		"      2    c2  uid       0   65536  565536  131072",
		"      2    c2  gid       0   65536  765536  131072",
	}, table(t, []report.Level{level}))
}

func TestEveryMappingHasALineWithItsOwnHostID(t *testing.T) {
	m := []idmap.Mapping{{Inside: 0, Parent: 65536, Count: 1000}, {Inside: 1000, Parent: 100000, Count: 64536}}
	host := []idmap.Mapping{{Inside: 0, Parent: 565536, Count: 1000}, {Inside: 1000, Parent: 600000, Count: 64536}}
	level := report.Level{Level: 2, Name: "c2", Map: idmap.Map{UID: m, GID: m}, Host: idmap.Map{UID: host, GID: host}}
	assert.Equal(t, []string{
		"  level  name      ids  inside  parent    host  count",
		"      2    c2  uid+gid       0   65536  565536   1000",
		"      2    c2  uid+gid    1000  100000  600000  64536",
	}, table(t, []report.Level{level}))
}

func TestATableWithoutLevelsIsItsHeader(t *testing.T) {
	assert.Equal(t, []string{"  level  name  ids  inside  parent  host  count"}, table(t, nil))
}

// summary returns the output of WriteChecks.
func summary(t *testing.T, checks []harness.Check) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, report.WriteChecks(&b, checks))
	return b.String()
}

func TestChecksAreCountedBySubjectInTheirOrder(t *testing.T) {
	assert.Equal(t, ""+
		"  ok  idmaps  2 of 2  uid and gid maps are the planned ones, seen inside and from the host\n"+
		"  ok  edges   1 of 1  chown to the last id works, to the first beyond it fails\n",
		summary(t, []harness.Check{{Subject: harness.Edges}, {Subject: harness.IDMaps}, {Subject: harness.IDMaps}}))
}

func TestAFailedCheckIsCountedAndPrinted(t *testing.T) {
	assert.Equal(t, ""+
		"  FAILED  files  1 of 2  files made by users 0, 1000 and 65535 belong to the planned host ids\n"+
		"  ok      LXD    1 of 1  the LXD inside answers, in the version of its bundle\n"+
		"  FAILED level 2: host owner: wanted 565536:565536, got 65534:65534\n",
		summary(t, []harness.Check{
			{Subject: harness.Files},
			{Subject: harness.Daemons},
			{Subject: harness.Files, Level: 2, What: "host owner", Wanted: "565536:565536", Got: "65534:65534"},
		}))
}

func TestEverySubjectHasALineThatDescribesItsChecks(t *testing.T) {
	assert.Empty(t, summary(t, nil))
	var checks []harness.Check
	for _, s := range probe.Subjects() {
		checks = append(checks, harness.Check{Subject: s})
	}
	lines := strings.Split(strings.TrimSuffix(summary(t, checks), "\n"), "\n")
	require.Len(t, lines, len(probe.Subjects()))
	for i, s := range probe.Subjects() {
		assert.Regexp(t, `^  ok  `+string(s)+` +1 of 1  .{10,}$`, lines[i])
	}
}

func TestWriteErrorsOfTablesAndChecksAreReturned(t *testing.T) {
	failed := errors.New("broken pipe")
	require.ErrorIs(t, report.WriteTable(broken{failed}, article()), failed)
	require.ErrorIs(t, report.WriteChecks(broken{failed}, []harness.Check{{Subject: harness.Files}}), failed)
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }
