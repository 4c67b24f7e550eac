package drawing_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rivo/uniseg"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/drawing"
	"nestbed/harness/idmap"
)

// columns returns the width of a line on a terminal.
func columns(line string) int { return uniseg.StringWidth(line) }

// uncolored returns a line without its color codes.
func uncolored(line string) string {
	return regexp.MustCompile("\x1b\\[[0-9]+m").ReplaceAllString(line, "")
}

// at returns the first and last column of the bar in a line.
func at(line string) (from, to int) {
	runes := []rune(line)
	return slices.IndexFunc(runes, func(r rune) bool { return strings.ContainsRune("├│", r) }), len(runes) - 1
}

func TestTheArticlesChainIsDrawnAsNestedBars(t *testing.T) {
	assert.Equal(t, []string{
		"host  500000           565536           631072",
		"c1    ├──────────────────────────────────────────────────┤",
		"c2                     ├─────────────────────────────────┤",
		"c3                                      ├────────────────┤",
	}, drawn(t, article(), drawing.Options{Width: 59}))
}

func TestASingleIDIsAColumnAfterAFoldedGap(t *testing.T) {
	bars := []drawing.Bar{bar("c1", 1, 1000000, 1000000000), punched("c2", 2, 1065536)}
	bars[0].Host = append(bars[0].Host, idmap.Mapping{Inside: 1000000000, Parent: 1000, Count: 1})
	assert.Equal(t, []string{
		"host  1000 ╌╌ 1000000",
		"c1    │       ├────────────────────────────────────────┤",
		"c2    │        │ │",
	}, drawn(t, bars, drawing.Options{Width: 57}))
}

func TestAHoleOfOneIDIsAColumn(t *testing.T) {
	assert.Equal(t, []string{
		"host  1000 ╌╌ 500000",
		"c1    │       │ ├──────────────────────────────────┤",
	}, drawn(t, []drawing.Bar{punched("c1", 1, 500000)}, drawing.Options{Width: 53}))
}

func TestATreesSiblingsLieSideBySideUnderTheirParent(t *testing.T) {
	assert.Equal(t, []string{
		"host            500000   565536    631072    696608    762144     ╌╌ 4000000000",
		"c1              ├───────────────────────────────────────────────┤",
		"c1/web                   ├──────────────────┤",
		"c1/web/db                          ├────────┤",
		"c1/build                                     ├──────────────────┤",
		"c1/build/cache                                         ├────────┤",
		"other                                                                ├────────┤",
	}, drawn(t, tree(), drawing.Options{Width: 80}))
}

func TestAContainerWithMissingIDsIsDrawnAsBroken(t *testing.T) {
	bars := article()
	bars[1].Problem = true
	bars[2].Problem, bars[2].Host = true, nil
	assert.Equal(t, []string{
		"host  500000     565536",
		"c1    ├────────────────────────────────┤",
		"c2               ┣┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┅┫",
		"c3    no ids",
	}, drawn(t, bars, drawing.Options{Width: 41}))
	one := punched("c1", 1, 1001)
	one.Problem = true
	assert.Contains(t, drawn(t, []drawing.Bar{one}, drawing.Options{Width: 41})[1], "┇")
}

func TestThirtyTwoLevelsAreDistinctAtEightyColumns(t *testing.T) {
	lines := drawn(t, chain(500000, 32), drawing.Options{Width: 80})
	require.Len(t, lines, 33)
	assert.Equal(t, "host  500000   762144   1024288  1286432  1548576  1810720  2072864  2335008", lines[0])
	assert.Equal(t, "c32                                                                         ├─┤", lines[32])
	outer := -1
	for _, line := range lines[1:] {
		from, _ := at(line)
		assert.Greater(t, from, outer, line)
		outer = from
	}
}

func TestALabelStandsOverTheBarThatBeginsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bars := anyChain(t)
		lines := drawn(t, bars, drawing.Options{Width: rapid.IntRange(27, 220).Draw(t, "width")})
		for _, where := range regexp.MustCompile(`\d+`).FindAllStringIndex(lines[0], -1) {
			id := lines[0][where[0]:where[1]]
			i := slices.IndexFunc(bars, func(b drawing.Bar) bool { return fmt.Sprint(b.Host[0].Parent) == id })
			require.GreaterOrEqual(t, i, 0, "%s is a whole number, not two that ran into each other", id)
			from, _ := at(lines[i+1])
			assert.Equal(t, where[0], from, "%s over %s", id, lines[i+1])
		}
	})
}

func TestABarAfterAFoldedGapHasALabel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var bars []drawing.Bar
		for i := range rapid.IntRange(1, 4).Draw(t, "bars") {
			// Each bar is farther from the one before than both are long.
			start := uint32(1000+i*1000000000) + rapid.Uint32Max(100000000).Draw(t, "start")
			bars = append(bars, bar("c", 1, start, rapid.Uint32Range(1, 100000000).Draw(t, "count")))
		}
		axis := drawn(t, bars, drawing.Options{Width: rapid.IntRange(80, 220).Draw(t, "width")})[0]
		fields := strings.Fields(axis)[1:]
		for i, b := range bars {
			assert.Equal(t, strconv.Itoa(int(b.Host[0].Parent)), fields[2*i], axis)
		}
		assert.Len(t, regexp.MustCompile(`╌╌+`).FindAllString(axis, -1), len(bars)-1, axis)
	})
}

func TestSiblingsNeverShareAColumn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var bars []drawing.Bar
		next := rapid.Uint32Max(1000000).Draw(t, "start")
		for range rapid.IntRange(1, 12).Draw(t, "bars") {
			next += rapid.Uint32Max(3).Draw(t, "gap")
			count := uint32(1) << rapid.IntRange(0, 28).Draw(t, "log2 of the count")
			bars = append(bars, bar("c", 1, next, count))
			next += count
		}
		end := -1
		for _, line := range drawn(t, bars, drawing.Options{Width: rapid.IntRange(40, 220).Draw(t, "width")})[1:] {
			from, to := at(line)
			assert.Greater(t, from, end, line)
			end = to
		}
	})
}

func TestGapsShrinkToAColumnIfSpaceIsScarce(t *testing.T) {
	var bars []drawing.Bar
	for i := range uint32(12) {
		bars = append(bars, bar("c", 1, 1000+10*i, 1))
	}
	lines := drawn(t, append(bars, bar("c1", 1, 500000, 65536)), drawing.Options{Width: 47})
	for i, line := range lines[1:13] {
		from, to := at(line)
		assert.Equal(t, []int{6 + 2*i, 6 + 2*i}, []int{from, to}, line)
	}
	assert.Equal(t, "c1                            ├──────────────┤", lines[13])
}

func TestNoLabelHidesTheMarkOfAFoldedGap(t *testing.T) {
	bars := []drawing.Bar{bar("c1", 1, 100, 1000), bar("c1/a", 2, 1000, 100), bar("c2", 1, 1000000, 1000)}
	assert.Equal(t, []string{
		"host  100                ╌╌ 1000000",
		"c1    ├────────────────┤",
		"c1/a                  ├┤",
		"c2                          ├────────────────┤",
	}, drawn(t, bars, drawing.Options{Width: 47}))
}

func TestBarsNestAtAnyDepthAndWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bars, width := anyChain(t), rapid.IntRange(20, 220).Draw(t, "width")
		lines := drawn(t, bars, drawing.Options{Width: width})
		require.Len(t, lines, len(bars)+1)
		outer, end := at(lines[1])
		assert.Equal(t, 6, outer, "the outermost begins where the names end")
		for i, line := range lines[1:] {
			assert.True(t, strings.HasPrefix(line, bars[i].Name+" "), line)
			assert.Equal(t, strings.TrimRight(line, " "), line)
			from, to := at(line)
			assert.GreaterOrEqual(t, from, outer, line)
			assert.Equal(t, end, to, "every level of the article's chain ends with the host's last id")
			outer = from
		}
	})
}

func TestNamesGetUpToAThirdOfTheWidth(t *testing.T) {
	name := func(width int, name string) string {
		line := drawn(t, []drawing.Bar{bar(name, 1, 500000, 65536)}, drawing.Options{Width: width})[1]
		before, _, _ := strings.Cut(line, "├")
		return strings.TrimRight(before, " ")
	}
	assert.Equal(t, "c1/web/database-primary", name(80, "c1/web/database-primary"))
	assert.Equal(t, "…/database", name(40, "c1/web/database"), "the end of a path is kept")
	assert.Equal(t, "database-pr…", name(40, "database-primary"))
	assert.Equal(t, `a\u000ab`, name(80, "a\nb"), "a name stays on its line")
}

func TestNoBarsGiveNoOutput(t *testing.T) {
	assert.Empty(t, drawn(t, nil, drawing.Options{Width: 80}))
}

func TestWithoutAWidthTheDrawingIsForEightyColumns(t *testing.T) {
	assert.Equal(t, drawn(t, article(), drawing.Options{Width: 80}), drawn(t, article(), drawing.Options{}))
	assert.Equal(t, drawn(t, article(), drawing.Options{Width: 80}), drawn(t, article(), drawing.Options{Width: -1}))
}

func TestTheDrawingIsWiderThanIsReadableOnlyForLabels(t *testing.T) {
	assert.Equal(t, drawn(t, article(), drawing.Options{Width: 100}), drawn(t, article(), drawing.Options{Width: 200}))
	deep := drawn(t, chain(500000, 32), drawing.Options{Width: 300})
	assert.Equal(t, 199, columns(deep[1]))
	assert.Greater(t, len(strings.Fields(deep[0])), len(strings.Fields(drawn(t, chain(500000, 32), drawing.Options{Width: 100})[0])))
}

func TestColorsShowDepthsAndRedShowsProblems(t *testing.T) {
	bars := append([]drawing.Bar{bar("root", 0, 500000, 393216)}, chain(500000, 6)...)
	bars[5].Problem = true
	lines := drawn(t, bars, drawing.Options{Color: true})
	var colors []string
	for _, line := range lines {
		color := regexp.MustCompile("^\x1b\\[([0-9]+)m.*\x1b\\[0m$").FindStringSubmatch(line)
		colors = append(colors, append(color, "", "")[1])
	}
	assert.Equal(t, []string{"", "", "94", "36", "33", "35", "31", "94"}, colors)
	for _, line := range drawn(t, bars, drawing.Options{}) {
		assert.NotContains(t, line, "\x1b")
	}
}
