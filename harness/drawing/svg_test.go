package drawing_test

import (
	"encoding/xml"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/drawing"
)

// An element is an element of an SVG file.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Text     string     `xml:",chardata"`
	Children []element  `xml:",any"`
}

// parse parses a whole SVG file.
func parse(t require.TestingT, text string) element {
	var root element
	d := xml.NewDecoder(strings.NewReader(strings.TrimSuffix(text, "\n")))
	require.NoError(t, d.Decode(&root), text)
	_, err := d.Token()
	require.ErrorIs(t, err, io.EOF, "nothing after the drawing")
	require.Equal(t, xml.Name{Space: "http://www.w3.org/2000/svg", Local: "svg"}, root.XMLName)
	return root
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e element) number(t require.TestingT, name string) int {
	n, err := strconv.Atoi(e.attr(name))
	require.NoError(t, err, "%s of %v", name, e)
	return n
}

// named returns the elements with that name and class at any depth.
func (e element) named(name, class string) []element {
	var found []element
	for _, c := range e.Children {
		if c.XMLName.Local == name && strings.Contains(" "+c.attr("class")+" ", " "+class+" ") {
			found = append(found, c)
		}
		found = append(found, c.named(name, class)...)
	}
	return found
}

// tip returns the tooltip of an element.
func (e element) tip() string {
	if len(e.Children) == 0 || e.Children[0].XMLName.Local != "title" {
		return ""
	}
	return e.Children[0].Text
}

func TestTheArticlesChainIsDrawnAsBoxesInBoxes(t *testing.T) {
	root := parse(t, svg(t, article(), "3 levels"))
	assert.Equal(t, "3 levels", root.tip())
	assert.Equal(t, "0 0 960 184", root.attr("viewBox"))
	bars := root.named("rect", "bar")
	require.Len(t, bars, 3)
	for i, want := range []struct{ tip, hue string }{
		{"inside 0-196607 is host 500000-696607 (196608 ids)", "bar hue1"},
		{"inside 0-131071 is host 565536-696607 (131072 ids)", "bar hue2"},
		{"inside 0-65535 is host 631072-696607 (65536 ids)", "bar hue3"},
	} {
		assert.Equal(t, want.tip, bars[i].tip())
		assert.Equal(t, want.hue, bars[i].attr("class"))
	}
	bands := root.named("rect", "band")
	require.Len(t, bands, 2, "the last contains nothing")
	for i, band := range bands {
		assert.Equal(t, bars[i].attr("x"), band.attr("x"), "nested bars are below their parent")
		assert.Equal(t, bars[i].attr("width"), band.attr("width"))
		assert.Greater(t, band.number(t, "y")+band.number(t, "height"), bars[2].number(t, "y")+bars[2].number(t, "height"))
	}
	var rows []string
	for _, row := range root.named("g", "row") {
		rows = append(rows, row.tip())
	}
	assert.Equal(t, "c3: inside 0-65535 is host 631072-696607 (65536 ids)", rows[2])
}

func TestBarsNestInSVGAtAnyDepth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		chain := anyChain(t)
		left, top := 0, 0
		for _, b := range parse(t, svg(t, chain, "")).named("rect", "bar") {
			assert.Greater(t, b.number(t, "x"), left)
			assert.Greater(t, b.number(t, "y"), top+b.number(t, "height"))
			assert.Equal(t, 960-24, b.number(t, "x")+b.number(t, "width"), "every level ends with the host's last id")
			left, top = b.number(t, "x"), b.number(t, "y")
		}
	})
}

func TestLabelsOnTheAxisDoNotOverlap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		end := 0
		for _, l := range parse(t, svg(t, anyBars(t), "")).named("text", "tick") {
			from, width := l.number(t, "x"), len(l.Text)*7
			if l.attr("text-anchor") == "end" {
				from -= width
			}
			assert.GreaterOrEqual(t, from, end, l.Text)
			end = from + width
			assert.LessOrEqual(t, end, 960-24)
		}
	})
}

func TestAGapHasATooltipWithItsIDs(t *testing.T) {
	root := parse(t, svg(t, []drawing.Bar{punched("c1", 1, 500000)}, ""))
	gaps := root.named("g", "gap")
	require.Len(t, gaps, 1, "a hole of one id is not a gap")
	assert.Equal(t, "no container here has host ids 1001-499999 (498999 ids)", gaps[0].tip())
	bars := root.named("rect", "bar")
	require.Len(t, bars, 3)
	assert.Equal(t, "inside 1000 is host 1000", bars[1].tip())
	assert.Equal(t, 3, bars[1].number(t, "width"), "a single id is visible")
}

func TestAProblemIsAlsoInTheTooltip(t *testing.T) {
	bars := article()
	bars[1].Problem = true
	bars[2].Problem, bars[2].Host = true, nil
	root := parse(t, svg(t, bars, ""))
	rows := root.named("g", "row")
	assert.Equal(t, "c2: inside 0-131071 is host 565536-696607 (131072 ids); its ids are wrong", rows[1].tip())
	assert.Equal(t, "c3: no ids; its ids are wrong", rows[2].tip())
	assert.Len(t, root.named("rect", "problem"), 1)
	assert.Len(t, root.named("text", "problem"), 2)
}

func TestContainersThatShareTheirIDsDoNotContainEachOther(t *testing.T) {
	bars := []drawing.Bar{bar("c1", 1, 500000, 65536), bar("c2", 1, 500000, 65536)}
	assert.Empty(t, parse(t, svg(t, bars, "")).named("rect", "band"))
}

func TestHostIDsAreWrittenOnTheBarOrNextToIt(t *testing.T) {
	notes := func(all drawing.Bar, start, width uint32) (on, beside string) {
		root := parse(t, svg(t, []drawing.Bar{all, bar("c1", 1, start, width)}, ""))
		row := root.named("g", "row")[1]
		for _, text := range row.named("text", "note") {
			beside = text.attr("text-anchor") + " " + text.Text
		}
		for _, text := range row.named("text", "on") {
			on = text.Text
		}
		return on, beside
	}
	for _, c := range []struct {
		start, width uint32
		on, beside   string
	}{
		{100000, 300000, "100000-399999 (300000 ids)", ""},
		{100000, 150000, "100000-249999", ""},
		{100000, 50000, "", " 100000-149999 (50000 ids)"},
		{900000, 50000, "", "end 900000-949999 (50000 ids)"},
		{500000, 1, "", "end 500000 (1 id)"},
	} {
		on, beside := notes(bar("root", 0, 0, 1000000), c.start, c.width)
		assert.Equal(t, c.on, on)
		assert.Equal(t, c.beside, beside)
	}
	on, beside := notes(bar(strings.Repeat("long", 8), 0, 0, 4294967295), 1700000000, 900000000)
	assert.Empty(t, on+beside, "no space anywhere")
}

func TestNoTextLeavesTheSheet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, text := range parse(t, svg(t, anyBars(t), "")).named("text", "note") {
			from, width := text.number(t, "x"), len(text.Text)*7
			if text.attr("text-anchor") == "end" {
				from -= width
			}
			assert.GreaterOrEqual(t, from, 24)
			assert.LessOrEqual(t, from+width, 960)
		}
	})
}

func TestNamesAndTitlesAreEscaped(t *testing.T) {
	root := parse(t, svg(t, []drawing.Bar{bar(`<b>&"c1"`, 1, 500000, 65536)}, "</svg>&\x00"))
	assert.Equal(t, `</svg>&\u0000`, root.tip())
	assert.Equal(t, `</svg>&\u0000`, root.named("text", "head")[0].Text)
	long := strings.Repeat("c1/c2 ", 40)
	root = parse(t, svg(t, []drawing.Bar{bar(`<b>&"c1"`, 1, 500000, 65536)}, long))
	assert.Equal(t, long, root.tip())
	assert.Equal(t, long[:113]+"…", root.named("text", "head")[0].Text, "as much as fits")
	assert.Equal(t, `<b>&"c1"`, root.named("g", "row")[0].named("text", "name")[0].Text)
}

func TestTheFileIsSelfContained(t *testing.T) {
	text := svg(t, tree(), "a tree")
	for _, other := range []string{"<script", "href", "url(", "@import", "@font-face"} {
		assert.NotContains(t, text, other)
	}
	assert.Contains(t, text, "prefers-color-scheme: dark")
}
