package scenarios_test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	docLink    = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"`)
	inlineCode = regexp.MustCompile("`[^`]*`")
	docHeading = regexp.MustCompile(`^#{1,6} (.+)$`)
	linkText   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// TestTheDocumentationHasNoBrokenLinks checks links to files of the repository and to
// headings. It does not check links to other servers.
func TestTheDocumentationHasNoBrokenLinks(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, line := range proseLines(t, page) {
			for _, found := range docLink.FindAllStringSubmatch(inlineCode.ReplaceAllString(line, ""), -1) {
				target := found[1] + found[2]
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				file, anchor, _ := strings.Cut(target, "#")
				to := page
				if file != "" {
					to = path.Join(path.Dir(page), file)
				}
				if _, err := os.Stat(filepath.Join("..", to)); !assert.NoError(t, err, "%s: %s", page, target) {
					continue
				}
				if anchor != "" {
					assert.True(t, slices.Contains(anchors(t, to), anchor), "%s: %s: the page has no such heading", page, target)
				}
			}
		}
	}
}

// proseLines returns the lines of a page outside of fences.
func proseLines(t *testing.T, page string) (lines []string) {
	t.Helper()
	inside := false
	for _, line := range pageLines(t, page) {
		switch {
		case strings.HasPrefix(strings.TrimSpace(line), "```"):
			inside = !inside
		case !inside:
			lines = append(lines, line)
		}
	}
	return lines
}

// anchors returns the anchors that GitHub gives the headings of a page.
func anchors(t *testing.T, page string) (names []string) {
	t.Helper()
	times := map[string]int{}
	for _, line := range proseLines(t, page) {
		m := docHeading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '-' || r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, linkText.ReplaceAllString(m[1], "$1"))
		if n := times[name]; n > 0 {
			names = append(names, name+"-"+strconv.Itoa(n))
		} else {
			names = append(names, name)
		}
		times[name]++
	}
	return names
}

var (
	pinnedBy = regexp.MustCompile(`\[(\w+\.feature)\]\(\S+\): (.+)$`)
	goTest   = regexp.MustCompile("`(Test[A-Z]\\w+)`")
	named    = regexp.MustCompile(`(?m)^\s*(?:Rule|Scenario|Scenario Outline): (.+)$`)
)

// TestTheDocumentationNamesScenariosThatExist checks the scenarios and Go tests that pin findings,
// and those in tables.
func TestTheDocumentationNamesScenariosThatExist(t *testing.T) {
	t.Parallel()
	tests := sources(t, "_test.go")
	pinned := 0
	for _, page := range pages(t) {
		for _, line := range proseLines(t, page) {
			if m := pinnedBy.FindStringSubmatch(line); m != nil {
				pinned++
				text, err := os.ReadFile(filepath.Join("..", "features", m[1]))
				require.NoError(t, err)
				var names []string
				for _, name := range named.FindAllStringSubmatch(string(text), -1) {
					names = append(names, name[1])
				}
				isNamed := slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(m[2], name) })
				assert.True(t, isNamed, "%s: %s has no scenario or rule %q", page, m[1], m[2])
			}
			for _, m := range goTest.FindAllStringSubmatch(line, -1) {
				found := strings.Contains(tests, "\nfunc "+m[1]+"(")
				assert.True(t, found, "%s: there is no Go test %s", page, m[1])
			}
		}
	}
	assert.NotZero(t, pinned)
}

// sources returns the text of all Go files whose names end in suffix.
func sources(t *testing.T, suffix string) string {
	t.Helper()
	var all strings.Builder
	root := os.DirFS("..")
	require.NoError(t, fs.WalkDir(root, ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, suffix) {
			return err
		}
		text, err := fs.ReadFile(root, name)
		all.Write(text)
		return err
	}))
	return all.String()
}

// codeMapLines is how many lines fit on a screen.
const codeMapLines = 45

func TestTheCodeMapHasEveryPackage(t *testing.T) {
	t.Parallel()
	var codeMap []string
	for _, f := range fences(t, "CONTRIBUTING.md") {
		if strings.HasPrefix(f.first(), "features/") {
			codeMap = f.lines
		}
	}
	require.NotEmpty(t, codeMap)
	assert.LessOrEqual(t, len(codeMap), codeMapLines, "lines of the map")
	text := strings.Join(codeMap, "\n")
	root := os.DirFS("..")
	require.NoError(t, fs.WalkDir(root, ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && (e.Name() == "testdata" || name != "." && strings.HasPrefix(e.Name(), ".")):
			return fs.SkipDir
		case path.Ext(name) == ".go":
			dir := path.Base(path.Dir(name))
			word := regexp.MustCompile(`\b` + regexp.QuoteMeta(dir) + `\b`)
			assert.True(t, word.MatchString(text), "the code map of CONTRIBUTING.md is missing package %s", path.Dir(name))
		}
		return nil
	}))
}
