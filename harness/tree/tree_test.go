package tree_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
	"nestbed/harness/tree"
)

func parse(t require.TestingT, lines ...string) *tree.Tree {
	tr, err := tree.Parse("file", strings.NewReader(strings.Join(lines, "\n")))
	require.NoError(t, err)
	return tr
}

// problems returns the problems in words, with "~" before warnings.
func problems(tr *tree.Tree) []string {
	var all []string
	for _, p := range tr.Check() {
		text := fmt.Sprintf("%d %s: %s", p.Line, p.Path, p.Text)
		if p.Warning {
			text = "~" + text
		}
		if p.Fix != "" {
			text += "; " + p.Fix
		}
		all = append(all, text)
	}
	return all
}

func TestADescriptionIsRead(t *testing.T) {
	tr := parse(t, "# the article's chain", "", "c1/c2   b:0:65536:131072  # c2", "\tc1 0:500000:196608", "c1/c2/c3 u:0:65536:65536", "c1/c2/c3 g:0:65537:65535\r")
	assert.Nil(t, tr.Find("c2"))
	c3 := tr.Find("c1/c2/c3")
	assert.Equal(t, idmap.Map{UID: []idmap.Mapping{{Parent: 65536, Count: 65536}}, GID: []idmap.Mapping{{Parent: 65537, Count: 65535}}}, c3.Map())
	tr.Check()
	var names []string
	for _, c := range tr.Ordered() {
		names = append(names, c.Path)
	}
	assert.Equal(t, []string{"c1", "c1/c2", "c1/c2/c3"}, names, "children come after their parent in any order of the file")
	assert.Equal(t, []idmap.Mapping{{Parent: 631072, Count: 65536}}, c3.Host.UID)
	assert.Len(t, c3.Chain(), 3)
}

func TestAParseErrorIsOneLine(t *testing.T) {
	for line, want := range map[string]string{
		"c1":                                 `read 1 fields, expected a container's path and a mapping, such as c1/c2 0:65536:131072`,
		"c1 0:1:2 3":                         `read 3 fields, expected a container's path and a mapping, such as c1/c2 0:65536:131072`,
		"c1 0:1":                             `read the mapping "0:1", expected inside:parent:count, such as 0:65536:131072`,
		"c1 x:0:1:2":                         `read the kind "x", expected u for uids, g for gids or b for both`,
		"c1 u:0:1:2:3":                       `read the mapping "u:0:1:2:3", expected inside:parent:count, such as 0:65536:131072`,
		"c1 -1:1:2":                          `read the inside id "-1", expected a number from 0 to 4294967294`,
		"c1 0:4294967295:1":                  `read the parent id "4294967295", expected a number from 0 to 4294967294`,
		"c1 0:1:0":                           `read the count "0", expected a number from 1 to 4294967294`,
		"c1 0:1:99999999999":                 `read the count "99999999999", expected a number from 1 to 4294967294`,
		"c1 0:4294901760:65536":              `read 65536 ids from 4294901760 on, expected the last id, 4294967295, to be at most 4294967294`,
		"c1 4294967294:0:2":                  `read 2 ids from 4294967294 on, expected the last id, 4294967295, to be at most 4294967294`,
		"/c1 0:1:2":                          `read the path "/c1", expected names with one / between them, such as c1/c2`,
		"c1//c2 0:1:2":                       `read the path "c1//c2", expected names with one / between them, such as c1/c2`,
		strings.Repeat("c/", 32) + "c 0:1:2": `read the path "` + strings.Repeat("c/", 32) + `c", expected at most 32 names, because the kernel nests containers no deeper`,
		strings.Repeat("c", 5000):            `read a longer line, expected at most 4095 bytes`,
	} {
		_, err := tree.Parse("file", strings.NewReader("c0 0:1:2\n"+line+"\n"))
		assert.EqualError(t, err, "file: line 2: "+want)
	}
}

// uidmapviz gets the first two inputs wrong.
func TestWhatUidmapvizGetsWrong(t *testing.T) {
	assert.Equal(t, []string{"2 c1/c2: takes uids 200000 to 265535 of c1, which has 0 to 196607; line 1: c1 0:500000:265536"},
		problems(parse(t, "c1 0:500000:196608", "c1/c2 0:200000:65536")), "it passes this broken chain")
	assert.Empty(t, problems(parse(t, "c1 0:500000:131072", "c1/c2 0:65536:65536")), "it refuses this exact fit")
	assert.Equal(t, []string{"2 c1/c2: takes uids 65536 to 196607 of c1, which has 0 to 196604; line 1: c1 0:500000:196608"},
		problems(parse(t, "c1 0:500000:196605", "c1/c2 0:65536:131072")), "its README recommends this")
}

func TestProblemsHaveTheSmallestFix(t *testing.T) {
	for name, c := range map[string]struct {
		lines []string
		want  []string
	}{
		"the article's chain": {[]string{"c1 0:500000:196608", "c1/c2 0:65536:131072", "c1/c2/c3 0:65536:65536"}, nil},
		"a parent without a line": {
			[]string{"c1/c2 0:65536:65536"},
			[]string{"1 c1/c2: its parent c1 has no line; add a line for c1 with the ids that c1/c2 takes: c1 0:500000:131072"},
		},
		"one id too high is moved": {
			[]string{"c1 0:500000:196608", "c1/c2 0:131073:65536"},
			[]string{"2 c1/c2: takes uids 131073 to 196608 of c1, which has 0 to 196607; line 1: c1 0:500000:196609"},
		},
		"a parent that cannot grow loses nothing": {
			[]string{"c1 0:4294836223:131072", "c1/c2 0:65537:65536"},
			[]string{"2 c1/c2: takes uids 65537 to 131072 of c1, which has 0 to 131071; line 2: c1/c2 0:65536:65536"},
		},
		"a child that can lose a few": {
			[]string{"c1 0:4294770687:196608", "c1/c2 0:65536:131073"},
			[]string{"2 c1/c2: takes uids 65536 to 196608 of c1, which has 0 to 196607; line 2: c1/c2 0:65536:131072"},
		},
		"two levels have to grow": {
			[]string{"c1 0:500000:131072", "c1/c2 0:65536:65536", "c1/c2/c3 0:65536:65536"},
			[]string{"3 c1/c2/c3: takes uids 65536 to 131071 of c1/c2, which has 0 to 65535; line 1: c1 0:500000:196608, line 2: c1/c2 0:65536:131072"},
		},
		"across two mappings": {
			[]string{"c1 0:500000:100000", "c1 100000:700000:100000", "c1/c2 0:65536:65536"},
			[]string{"3 c1/c2: takes uids 65536 to 131071 of c1, which are in 2 mappings there, but the kernel accepts a line only within one mapping; " +
				"write a line for each: 0:65536:34464 and 34464:100000:31072"},
		},
		"only uids": {[]string{"c1 u:0:500000:65536"}, []string{"1 c1: it has no gids, so it does not start"}},
		"no root":   {[]string{"c1 1:500000:65536"}, []string{"1 c1: it has no uid 0, so it has no root to start as", "1 c1: it has no gid 0, so it has no root to start as"}},
		"overlaps": {
			[]string{"c1 0:500000:65536", "c1 65535:700000:65536", "c2 0:800000:65536", "c2 u:65536:865535:65536"},
			[]string{
				"2 c1: its uid mappings in lines 1 and 2 overlap in their inside ids",
				"2 c1: its gid mappings in lines 1 and 2 overlap in their inside ids",
				"4 c2: its uid mappings in lines 3 and 4 overlap in their parent ids",
			},
		},
		"siblings": {
			[]string{"c1 0:500000:65536", "c2 0:565535:65536", "c2/a g:0:0:65536", "c2/a u:0:1:65535"},
			[]string{
				"~2 c2: it shares uids from 565535 on with c1",
				"~3 c2/a: it has 65535 uids: LXD ignores an allocation of fewer than 65536",
				"~3 c2/a: its gid 0 is root of c2",
				"~4 c2/a: it shares uids from 1 on with c2's own users",
			},
		},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, problems(parse(t, c.lines...))) })
	}
}

func TestMoreMappingsThanTheKernelAcceptsAreAProblem(t *testing.T) {
	var lines []string
	for i := range 341 {
		lines = append(lines, fmt.Sprintf("c1 %d:%d:1", i, 2*i+9))
	}
	assert.Equal(t, "341 c1: it has 341 mappings, but the kernel accepts at most 340", problems(parse(t, lines...))[0])
	assert.True(t, tree.Works(parse(t, lines[:340]...).Check()))
	// 340 lines with more digits do not fit into a page.
	for i := range lines {
		lines[i] = fmt.Sprintf("c1 %d:%d:1", i, 3000000+2*i)
	}
	assert.Contains(t, problems(parse(t, lines[:340]...))[0], "1 c1: the kernel refuses its uids")
}

// drawTree draws a description with numbers at the edges of the rules.
func drawTree(t *rapid.T) string {
	paths := []string{"a", "a/b", "a/b/c", "a/d", "e", "f/g"}
	line := rapid.Custom(func(t *rapid.T) string {
		number := rapid.SampledFrom([]uint32{0, 0, 1, 65535, 65536, 65536, 65537, 131072, 196608, 500000, 4294901758})
		return fmt.Sprintf("%s %s%d:%d:%d", rapid.SampledFrom(paths).Draw(t, "path"), rapid.SampledFrom([]string{"", "", "u:", "g:", "b:"}).Draw(t, "kind"),
			number.Draw(t, "inside"), number.Draw(t, "parent"), rapid.SampledFrom([]uint32{1, 65535, 65536, 131072, 196608}).Draw(t, "count"))
	})
	return strings.Join(rapid.SliceOfN(line, 1, 8).Draw(t, "lines"), "\n")
}

// The kernel can create a container if and only if the container has no problem, provided that
// it can create the parent.
func TestAProblemIsWhatTheKernelRefuses(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawTree(t)
		tr, err := tree.Parse("file", strings.NewReader(text))
		if err != nil {
			return
		}
		bad := map[string]bool{}
		for _, p := range tr.Check() {
			bad[p.Path] = bad[p.Path] || !p.Warning
		}
		for _, c := range tr.Containers {
			if c.Parent == nil && c.Depth() > 1 {
				require.True(t, bad[c.Path])
				continue
			}
			parent := idmap.Identity() // no container here has more lines than the kernel accepts
			if c.Parent != nil {
				parent = c.Parent.Map()
			}
			m := c.Map()
			_, uid := idmap.Up(m.UID, 0)
			_, gid := idmap.Up(m.GID, 0)
			works := uid && gid && idmap.Accept(parent.UID, m.UID) == nil && idmap.Accept(parent.GID, m.GID) == nil
			require.Equal(t, works, !bad[c.Path], "%s in\n%s", c.Path, text)
		}
	})
}

// After the suggested change the same problem must not occur again.
func TestASuggestedFixFixesItsProblem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawTree(t)
		tr, err := tree.Parse("file", strings.NewReader(text))
		if err != nil {
			return
		}
		for _, p := range tr.Check() {
			if p.Edits == nil {
				continue
			}
			lines := strings.Split(text, "\n")
			for _, e := range p.Edits {
				var made []string
				for _, m := range e.Mappings {
					made = append(made, e.Path+" "+m)
				}
				lines[e.Line-1] = strings.Join(made, "\n")
			}
			fixed, err := tree.Parse("file", strings.NewReader(strings.Join(lines, "\n")))
			require.NoError(t, err, "%s\nfixed by %s", text, p.Fix)
			for _, again := range fixed.Check() {
				require.False(t, again.Line == p.Line && again.Text == p.Text, "%s\n%s\nis not fixed by %s", text, p.Text, p.Fix)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"c1 0:1:2\n", "c1/c2 u:0:0:4294967294\nc1 0:0:4294967294", "# c\n\na b", "a g:0:1:2\r\na u:1:2:3", "a/b 0:1:2"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		if tr, err := tree.Parse("file", strings.NewReader(text)); err == nil {
			tr.Check()
			tr.Ordered()
		}
	})
}

// many returns n lines of containers of several shapes.
func many(n int) string {
	var b strings.Builder
	for i := range n / 4 {
		fmt.Fprintf(&b, "a%d 0:%d:65536\na0/b%d 0:65536:65536\nx u:%d:%d:1\nx/c%d 0:1:65535\n", i, 500000+i, i, i, 2*i, i)
	}
	return b.String()
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{1000, 10000, 100000} {
		text := many(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				tr, err := tree.Parse("file", strings.NewReader(text))
				require.NoError(b, err)
				tr.Check()
			}
		})
	}
}
