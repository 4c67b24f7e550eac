package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

var samples = []Sample{
	{Depth: 16, Nestbed: 10, Operations: operations(8), LXD: 9, CPU: 12, Close: 0.5, Memory: 640e6, Disk: 1440e6},
	{Depth: 2, Nestbed: 1, Recipe: 6, ThinRecipe: 3, Operations: operations(0.2), LXD: 0.5, CPU: 2, Close: 0.1, Memory: 100e6, Disk: 200e6},
	{Depth: 2, Nestbed: 3, Recipe: 12, ThinRecipe: 4, Operations: operations(0.4), LXD: 1.5, CPU: 2, Close: 0.3, Memory: 100e6, Disk: 200e6},
	{Depth: 2, Nestbed: 2, Recipe: 100, ThinRecipe: 50, Operations: operations(0.6), LXD: 1.9, CPU: 2, Close: 0.2, Memory: 80e6, Disk: 200e6},
}

// operations returns the operations of a sample, of which a start took so many seconds.
func operations(start float64) []Operation {
	return []Operation{{Op: idmap.OpCreate, Seconds: start / 2, LXD: start / 4}, {Op: idmap.OpStart, Seconds: start, LXD: start / 2}}
}

func TestARowIsTheMediansOfADepth(t *testing.T) {
	rows := Rows(samples)
	require.Len(t, rows, 2)
	recipe, ratio, thinRecipe, thinRatio := 12.0, 6.0, 4.0, 2.0
	assert.Equal(t, Row{
		Depth: 2, Rounds: 3, NestbedSeconds: 2, RecipeSeconds: &recipe, Ratio: &ratio,
		ThinRecipeSeconds: &thinRecipe, ThinRatio: &thinRatio, LXDSeconds: 1.5, CPUSeconds: 2,
		CloseSeconds: 0.2, MemoryMBPerLevel: 50, DiskMBPerLevel: 100, Operations: operations(0.2),
	}, rows[0])
	assert.Equal(t, 16, rows[1].Depth)
	assert.Nil(t, rows[1].Ratio, "no chain was typed")
	assert.InDelta(t, 2.0, Rows(samples[1:3])[0].NestbedSeconds, 1e-9, "the median of two is their mean")
	assert.Empty(t, Rows(nil))
}

func TestTheTableAndTheFileOfABenchmark(t *testing.T) {
	b := Bench{Machine: "LXD 5.0.2, 2 processors", Rows: Rows(samples)}
	var out strings.Builder
	require.NoError(t, b.Write(&out))
	assert.Equal(t, strings.TrimPrefix(`
LXD 5.0.2, 2 processors

  depth  rounds  nestbed   recipe  ratio  thin recipe  ratio  a level  in LXD  outside      CPU   close  memory a level  disk a level
      2       3   2.00 s  12.00 s    6.0       4.00 s    2.0   1.00 s  1.50 s   25.0 %   2.00 s  0.20 s           50 MB        100 MB
     16       1  10.00 s        -      -            -      -   0.62 s  9.00 s   10.0 %  12.00 s  0.50 s           40 MB         90 MB

milliseconds of a level, by operation: all, and in LXD

  depth  create  in LXD  start  in LXD
      2     100      50    200     100
     16     250     125    500     250
`, "\n"), out.String())

	text, err := json.Marshal(b)
	require.NoError(t, err)
	assert.JSONEq(t, `{"machine": "LXD 5.0.2, 2 processors", "rows": [
		{"depth": 2, "rounds": 3, "nestbed_seconds": 2, "recipe_seconds": 12, "ratio": 6, "thin_recipe_seconds": 4, "thin_ratio": 2, "lxd_seconds": 1.5,
		 "cpu_seconds": 2, "close_seconds": 0.2, "memory_mb_per_level": 50, "disk_mb_per_level": 100, "operations_per_level": [
			{"operation": "create", "seconds": 0.1, "lxd_seconds": 0.05}, {"operation": "start", "seconds": 0.2, "lxd_seconds": 0.1}]},
		{"depth": 16, "rounds": 1, "nestbed_seconds": 10, "recipe_seconds": null, "ratio": null, "thin_recipe_seconds": null, "thin_ratio": null, "lxd_seconds": 9,
		 "cpu_seconds": 12, "close_seconds": 0.5, "memory_mb_per_level": 40, "disk_mb_per_level": 90, "operations_per_level": [
			{"operation": "create", "seconds": 0.25, "lxd_seconds": 0.125}, {"operation": "start", "seconds": 0.5, "lxd_seconds": 0.25}]}]}`, string(text))
}
