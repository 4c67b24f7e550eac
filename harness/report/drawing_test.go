package report_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
	"nestbed/harness/report"
)

// drawn are the lines of a drawing.
func drawn(t require.TestingT, levels []report.Level, width int) []string {
	var b bytes.Buffer
	require.NoError(t, report.WriteDrawing(&b, levels, width))
	if b.Len() == 0 {
		return nil
	}
	text, whole := strings.CutSuffix(b.String(), "\n")
	require.True(t, whole, "the last line ends like the others")
	return strings.Split(text, "\n")
}

// bar is where the bar of a line begins and ends, in columns.
func bar(line string) (from, to int) {
	runes := []rune(line)
	return slices.IndexFunc(runes, func(r rune) bool { return strings.ContainsRune("├┤", r) }), len(runes) - 1
}

func TestTheArticlesChainIsDrawnAsOneBarInTheOther(t *testing.T) {
	assert.Equal(t, []string{
		"host  500000           565536           631072",
		"c1    ├──────────────────────────────────────────────────┤",
		"c2                     ├─────────────────────────────────┤",
		"c3                                      ├────────────────┤",
	}, drawn(t, article(), 59))
}

func TestNothingIsDrawnOfNoLevels(t *testing.T) {
	assert.Empty(t, drawn(t, nil, 80))
}

func TestALabelThatWouldRunIntoTheOneBeforeIsLeftOut(t *testing.T) {
	lines := drawn(t, chain(500000, 32), 80)
	require.Len(t, lines, 33)
	labels := strings.Fields(lines[0])[1:]
	assert.Equal(t, "500000", labels[0])
	assert.Less(t, len(labels), 32)
	for _, label := range labels {
		assert.Contains(t, starts(chain(500000, 32)), label, "a whole number, not two that ran into each other")
	}
}

func TestAMapOfTwoLinesIsDrawnAsTwoBars(t *testing.T) {
	level := report.Level{Level: 1, Name: "c1", Host: idmap.Map{UID: []idmap.Mapping{
		{Inside: 0, Parent: 100000, Count: 65536}, {Inside: 65536, Parent: 300000, Count: 65536},
	}}}
	lines := drawn(t, []report.Level{level}, 59)
	require.Len(t, lines, 2)
	assert.Regexp(t, `^c1    ├─+┤ +├─+┤$`, lines[1])
	assert.Regexp(t, `^host  100000$`, lines[0])
}

func TestOnlyUIDsAreDrawn(t *testing.T) {
	levels := article()
	for i := range levels {
		levels[i].Host.GID = []idmap.Mapping{{Inside: 0, Parent: 4000000000, Count: 1}}
	}
	assert.Equal(t, drawn(t, article(), 80), drawn(t, levels, 80))
}

func TestTheDrawingIsNoWiderThanIsReadable(t *testing.T) {
	assert.Equal(t, drawn(t, article(), 100), drawn(t, article(), 200))
}

func TestAWriterThatFailsIsAnError(t *testing.T) {
	failed := errors.New("broken pipe")
	assert.ErrorIs(t, report.WriteDrawing(broken{failed}, article(), 80), failed)
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

// anyChain is the article's recipe at any depth, from any start.
func anyChain(t *rapid.T) []report.Level {
	depth := rapid.IntRange(1, 32).Draw(t, "depth")
	return chain(rapid.Uint32Range(0, idmap.MaxID-idmap.Needed(depth)).Draw(t, "start"), depth)
}

func TestBarsNestAtAnyDepthAndWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels, width := anyChain(t), rapid.IntRange(20, 200).Draw(t, "width")
		lines := drawn(t, levels, width)
		require.Len(t, lines, len(levels)+1)
		outer, end := bar(lines[1])
		assert.Equal(t, 6, outer, "the outermost begins where the names end")
		for i, line := range lines[1:] {
			assert.True(t, strings.HasPrefix(line, levels[i].Name+" "), line)
			from, to := bar(line)
			assert.GreaterOrEqual(t, from, outer, line)
			assert.Equal(t, end, to, "every level of the article's chain ends with the host's last id")
			outer = from
		}
	})
}

func TestNoBarIsWiderThanATerminalThatHasRoomForTheNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels, width := anyChain(t), rapid.IntRange(27, 200).Draw(t, "width")
		for _, line := range drawn(t, levels, width)[1:] {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), width, line)
			assert.Equal(t, strings.TrimRight(line, " "), line)
		}
	})
}

func TestAnyMapsCanBeDrawnAtAnyWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mapping := rapid.Custom(func(t *rapid.T) idmap.Mapping {
			parent := rapid.Uint32Range(0, idmap.MaxID).Draw(t, "parent")
			return idmap.Mapping{Parent: parent, Count: rapid.Uint32Range(1, idmap.MaxID-parent+1).Draw(t, "count")}
		})
		var levels []report.Level
		for _, uid := range rapid.SliceOfN(rapid.SliceOfN(mapping, 1, 4), 1, 33).Draw(t, "levels") {
			levels = append(levels, report.Level{Name: "c", Host: idmap.Map{UID: uid}})
		}
		lines := drawn(t, levels, rapid.IntRange(-1, 300).Draw(t, "width"))
		assert.Len(t, lines, len(levels)+1)
	})
}

func TestNoLineOfADrawingIsWiderThanTheTerminal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		levels, width := anyChain(t), rapid.IntRange(20, 200).Draw(t, "width")
		for _, line := range drawn(t, levels, width) {
			assert.LessOrEqual(t, utf8.RuneCountInString(line), width, line)
		}
	})
}

func TestTheLabelsOfADeepChainFitEightyColumns(t *testing.T) {
	for depth := 1; depth <= 32; depth++ {
		for _, start := range []uint32{500000, 1000000, 4000000000} {
			assert.LessOrEqual(t, utf8.RuneCountInString(drawn(t, chain(start, depth), 80)[0]), 80, "depth %d from %d", depth, start)
		}
	}
}
