package report

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var samples = []Sample{
	{Depth: 16, Nestbed: 10, LXD: 9, CPU: 12, Close: 0.5, Memory: 640e6, Disk: 1440e6},
	{Depth: 2, Nestbed: 1, Recipe: 6, ThinRecipe: 3, LXD: 0.5, CPU: 2, Close: 0.1, Memory: 100e6, Disk: 200e6},
	{Depth: 2, Nestbed: 3, Recipe: 12, ThinRecipe: 4, LXD: 1.5, CPU: 2, Close: 0.3, Memory: 100e6, Disk: 200e6},
	{Depth: 2, Nestbed: 2, Recipe: 100, ThinRecipe: 50, LXD: 1.9, CPU: 2, Close: 0.2, Memory: 80e6, Disk: 200e6},
}

func TestARowIsTheMediansOfADepth(t *testing.T) {
	rows := Rows(samples)
	require.Len(t, rows, 2)
	recipe, ratio, thinRecipe, thinRatio := 12.0, 6.0, 4.0, 2.0
	assert.Equal(t, Row{
		Depth: 2, Rounds: 3, NestbedSeconds: 2, RecipeSeconds: &recipe, Ratio: &ratio,
		ThinRecipeSeconds: &thinRecipe, ThinRatio: &thinRatio, LXDSeconds: 1.5, CPUSeconds: 2,
		CloseSeconds: 0.2, MemoryMBPerLevel: 50, DiskMBPerLevel: 100,
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
`, "\n"), out.String())

	text, err := json.Marshal(b)
	require.NoError(t, err)
	assert.JSONEq(t, `{"machine": "LXD 5.0.2, 2 processors", "rows": [
		{"depth": 2, "rounds": 3, "nestbed_seconds": 2, "recipe_seconds": 12, "ratio": 6, "thin_recipe_seconds": 4, "thin_ratio": 2, "lxd_seconds": 1.5,
		 "cpu_seconds": 2, "close_seconds": 0.2, "memory_mb_per_level": 50, "disk_mb_per_level": 100},
		{"depth": 16, "rounds": 1, "nestbed_seconds": 10, "recipe_seconds": null, "ratio": null, "thin_recipe_seconds": null, "thin_ratio": null, "lxd_seconds": 9,
		 "cpu_seconds": 12, "close_seconds": 0.5, "memory_mb_per_level": 40, "disk_mb_per_level": 90}]}`, string(text))
}
