package classify

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/features"
	"nestbed/harness/idmap"
)

func TestEveryPatternHasALine(t *testing.T) {
	text, err := os.ReadFile("testdata/lines.txt")
	require.NoError(t, err)
	needed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		reason, line, _ := strings.Cut(strings.TrimSpace(line), "\t")
		in, err := readInput(strings.NewReader(line))
		require.NoError(t, err)
		n, at := ruleFor(in.lines[0], in)
		if !assert.NotNil(t, at, line) {
			continue
		}
		assert.Equal(t, idmap.Reason(reason), explainRules[n].reason, line)
		for _, patterns := range [][]pattern{explainRules[n].words, explainRules[n].also} {
			for _, p := range patterns {
				needed[p.String()] = needed[p.String()] || p.find(in.lines[0]) != nil
			}
		}
		e, err := Explain(strings.NewReader(line))
		require.NoError(t, err)
		require.Len(t, e.Findings, 1, line)
	}
	for _, r := range explainRules {
		for _, patterns := range [][]pattern{r.words, r.also} {
			for _, p := range patterns {
				assert.True(t, needed[p.String()], "%s: no line of testdata/lines.txt needs %s", r.reason, p)
			}
		}
	}
}

// Most lines of a log are sorted out by these prefixes, before any regular expression is asked.
func TestEveryPatternBeginsWithText(t *testing.T) {
	for _, r := range explainRules {
		for _, patterns := range [][]pattern{r.words, r.also} {
			for _, p := range patterns {
				assert.GreaterOrEqual(t, len(p.prefix), 3, p)
			}
		}
	}
}

func TestRulesThatOnlyExplainDoNotClassify(t *testing.T) {
	for _, r := range append(append(guestRules, unmappedRules...), vagueRules[len(noIDs):]...) {
		assert.Empty(t, r.words, r.what)
	}
}

func TestEveryCauseHasAFixAndASourceThatExists(t *testing.T) {
	scenarios := map[string]bool{}
	names, err := fs.Glob(features.FS, "*.feature")
	require.NoError(t, err)
	scenario := regexp.MustCompile(`(?m)^\s*Scenario(?: Outline)?: (.+)$`)
	for _, name := range names {
		text, err := fs.ReadFile(features.FS, name)
		require.NoError(t, err)
		for _, m := range scenario.FindAllStringSubmatch(string(text), -1) {
			scenarios["features/"+name+": "+m[1]] = true
		}
	}
	other := regexp.MustCompile(`^([\w.-]+/[\w.-]+#\d+|(LXD|Incus|liblxc|kernel): \S.*|man \d \w+)$`)
	for _, r := range explainRules {
		assert.NotEmpty(t, r.what)
		require.NotEmpty(t, r.causes, r.what)
		for _, c := range r.causes {
			assert.NotEmpty(t, c.Fix, c.Cause)
			assert.NotEmpty(t, c.Source, c.Cause)
			for _, s := range c.Source {
				if strings.HasPrefix(s, "features/") {
					assert.True(t, scenarios[s], s)
				} else {
					assert.Regexp(t, other, s)
				}
			}
		}
	}
}
