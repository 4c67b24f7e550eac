package steps

import (
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

// table returns a Gherkin table with the given rows. The first row is the header.
func table(rows ...[]string) *godog.Table {
	t := &godog.Table{}
	for _, row := range rows {
		r := &messages.PickleTableRow{}
		for _, cell := range row {
			r.Cells = append(r.Cells, &messages.PickleTableCell{Value: cell})
		}
		t.Rows = append(t.Rows, r)
	}
	return t
}

func TestATableIsReadByColumnNames(t *testing.T) {
	rows, err := readTable(table([]string{"level", "allocation"}, []string{"1", "root:65536:65536"}), "level", "allocation")
	require.NoError(t, err)
	assert.Equal(t, []map[string]string{{"level": "1", "allocation": "root:65536:65536"}}, rows)
}

func TestATableWithOtherColumnsIsRefused(t *testing.T) {
	for _, header := range [][]string{{"level"}, {"allocation", "level"}, {"level", "allocation", "x"}} {
		_, err := readTable(table(header), "level", "allocation")
		require.ErrorContains(t, err, `expected ["level" "allocation"]`)
	}
}

func TestMissingAndAdditionalMapLinesAreReported(t *testing.T) {
	line := func(parent, count uint32) idmap.Map {
		return idmap.Map{UID: []idmap.Mapping{{Inside: 0, Parent: parent, Count: count}}}
	}
	found := idmap.Plan{Levels: []idmap.PlannedLevel{
		{Level: 1, Map: line(500000, 131072), Host: line(500000, 131072)},
		{Level: 2, Map: line(65536, 65536), Host: line(565536, 65536)},
	}}
	first := []string{"1", "0", "500000", "500000", "131072"}
	second := []string{"2", "0", "65536", "565536", "65536"}
	compare := func(rows ...[]string) error {
		read, err := readTable(table(append([][]string{mapColumns}, rows...)...), mapColumns...)
		require.NoError(t, err)
		return diffMaps(read, found, "uid", func(m idmap.Map) []idmap.Mapping { return m.UID })
	}
	require.NoError(t, compare(first, second))
	require.ErrorContains(t, compare(first), "wanted nothing\n   got level 2: uid map: inside 0, parent 65536, host 565536, count 65536")
	require.ErrorContains(t, compare(first, second, []string{"3", "0", "65536", "631072", "65536"}),
		"wanted level 3: uid map: inside 0, parent 65536, host 631072, count 65536\n   got nothing")
	require.ErrorContains(t, compare(first, []string{"2", "0", "65536", "565536", "65535"}), "level 2: uid map")
}
