package drawing_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/drawing"
	"nestbed/harness/idmap"
)

// bar returns a container with count ids from the host id on.
func bar(name string, depth int, host, count uint32) drawing.Bar {
	return drawing.Bar{Name: name, Depth: depth, Host: []idmap.Mapping{{Inside: 0, Parent: host, Count: count}}}
}

// chain returns the recipe of the article at any depth: every level keeps one block and
// delegates the rest.
func chain(start uint32, depth int) []drawing.Bar {
	var bars []drawing.Bar
	for i := range depth {
		bars = append(bars, bar(fmt.Sprintf("c%d", i+1), i+1, start+idmap.Needed(i), idmap.Needed(depth-i)))
	}
	return bars
}

// article returns the chain of the article: root:500000:196608, three levels deep.
func article() []drawing.Bar { return chain(500000, 3) }

// punched returns a container of 65536 ids, one of which raw.idmap maps to host id 1000.
func punched(name string, depth int, host uint32) drawing.Bar {
	return drawing.Bar{Name: name, Depth: depth, Host: []idmap.Mapping{
		{Inside: 0, Parent: host, Count: 1000},
		{Inside: 1000, Parent: 1000, Count: 1},
		{Inside: 1001, Parent: host + 1001, Count: 65536 - 1001},
	}}
}

// tree returns a container with two children, each with a child of its own, and another
// container far away.
func tree() []drawing.Bar {
	return []drawing.Bar{
		bar("c1", 1, 500000, 5*65536),
		bar("c1/web", 2, 565536, 2*65536),
		bar("c1/web/db", 3, 631072, 65536),
		bar("c1/build", 2, 696608, 2*65536),
		bar("c1/build/cache", 3, 762144, 65536),
		bar("other", 1, 4000000000, 65536),
	}
}

// drawn returns the lines of a drawing.
func drawn(t require.TestingT, bars []drawing.Bar, o drawing.Options) []string {
	var b bytes.Buffer
	require.NoError(t, drawing.WriteText(&b, bars, o))
	if b.Len() == 0 {
		return nil
	}
	text, whole := strings.CutSuffix(b.String(), "\n")
	require.True(t, whole, "the last line ends like the others")
	return strings.Split(text, "\n")
}

// svg returns a drawing as SVG.
func svg(t require.TestingT, bars []drawing.Bar, title string) string {
	var b bytes.Buffer
	require.NoError(t, drawing.WriteSVG(&b, bars, title))
	return b.String()
}

// anyChain draws a chain by the recipe of the article, at any depth and from any start.
func anyChain(t *rapid.T) []drawing.Bar {
	depth := rapid.IntRange(1, 32).Draw(t, "depth")
	return chain(rapid.Uint32Range(0, idmap.MaxID-idmap.Needed(depth)).Draw(t, "start"), depth)
}

// anyBars draws bars that no container could have: any names, ids that occur twice, invalid
// ids.
func anyBars(t *rapid.T) []drawing.Bar {
	number := rapid.OneOf(rapid.Uint32(), rapid.Uint32Max(3), rapid.Uint32Min(1<<32-3), rapid.Uint32Range(999, 1003))
	mapping := rapid.Custom(func(t *rapid.T) idmap.Mapping {
		return idmap.Mapping{Inside: number.Draw(t, "inside"), Parent: number.Draw(t, "parent"), Count: number.Draw(t, "count")}
	})
	name := rapid.OneOf(rapid.String(), rapid.StringMatching(`c[0-9]{1,2}(/[a-z]{1,9}){0,4}`))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) drawing.Bar {
		return drawing.Bar{
			Name: name.Draw(t, "name"), Depth: rapid.IntRange(-1, 40).Draw(t, "depth"),
			Host: rapid.SliceOfN(mapping, 0, 6).Draw(t, "host"), Problem: rapid.Bool().Draw(t, "problem"),
		}
	}), 0, 33).Draw(t, "bars")
}

type broken struct{ err error }

func (b broken) Write([]byte) (int, error) { return 0, b.err }

func TestAWriterThatFailsIsAnError(t *testing.T) {
	failed := errors.New("broken pipe")
	require.ErrorIs(t, drawing.WriteText(broken{failed}, article(), drawing.Options{}), failed)
	require.ErrorIs(t, drawing.WriteSVG(broken{failed}, article(), ""), failed)
}

// drawAnything checks what must be true of every drawing at any width.
func drawAnything(t *rapid.T) {
	bars, width := anyBars(t), rapid.IntRange(1, 220).Draw(t, "width")
	lines := drawn(t, bars, drawing.Options{Width: width})
	if len(bars) > 0 {
		assert.Len(t, lines, len(bars)+1, "the axis and every bar have a line")
	}
	for _, line := range lines {
		assert.LessOrEqual(t, columns(line), width, "%q", line)
	}
	assert.Equal(t, lines, drawn(t, bars, drawing.Options{Width: width}))
	for i, line := range drawn(t, bars, drawing.Options{Width: width, Color: true}) {
		assert.Equal(t, lines[i], uncolored(line))
	}

	title := rapid.String().Draw(t, "title")
	text := svg(t, bars, title)
	assert.Len(t, parse(t, text).named("g", "row"), len(bars), "every bar has a row")
	assert.Equal(t, text, svg(t, bars, title))
}

func TestAnythingCanBeDrawn(t *testing.T) { rapid.Check(t, drawAnything) }

func FuzzDrawing(f *testing.F) { f.Fuzz(rapid.MakeFuzz(drawAnything)) }
