package report

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/printable"
)

// aRun has a scenario of each status, in two features.
func aRun() Run {
	return run(passed("a: maps", up(500000), 1.5), Scenario{
		Name: "a: fails <b>", Status: Failed, Rule: "A rule", Error: "wanted 1", Seconds: []float64{0.5},
		Diagnosis: []string{"The chain stopped \x1b[31m", "<img src=x>"},
	}, Scenario{Name: "b: other", Status: Skipped, Tag: "@since-lxd-6.2", Fact: "LXD 6.2 checks it."})
}

func TestThePageOfARunHasTheVerdictTheFailuresAndAllScenarios(t *testing.T) {
	var html strings.Builder
	require.NoError(t, aRun().WriteHTML(&html))
	text := html.String()
	assert.Equal(t, text, printable.Text(text))
	assert.NotRegexp(t, `(?i)src\s*=|@import|url\(|href="[^#]`, strings.ReplaceAll(text, "&lt;img src=x&gt;", ""), "the page loads nothing")
	assert.NotContains(t, text, "<img")
	for _, want := range []string{
		`<h1 class="worse">1 of 2 scenarios failed</h1>`, "1 passed, 1 failed, 1 skipped; the scenarios took 2 s",
		`<li><a href="#a--fails--b-">a: fails &lt;b&gt;</a></li>`, `<details id="a--fails--b-" data-kind="failed" open>`,
		"A rule", `\u001b[31m` + "\n&lt;img src=x&gt;", "@since-lxd-6.2: LXD 6.2 checks it.", "<h2>a</h2>", "<h2>b</h2>",
	} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 1, strings.Count(text, "<svg "))
}

func TestTheVerdictOfARun(t *testing.T) {
	ok, skipped := passed("a: 1", nil, 1), Scenario{Name: "a: 2", Status: Skipped}
	for want, r := range map[string]Run{
		"all 1 scenarios passed":                    run(ok, skipped),
		"no scenario was run":                       run(skipped),
		"1 of 2 scenarios failed":                   aRun(),
		"interrupted: 1 of 1 scenarios passed</h1>": {Interrupted: true, Scenarios: []Scenario{ok}},
	} {
		var html strings.Builder
		require.NoError(t, r.WriteHTML(&html))
		assert.Contains(t, html.String(), ">"+want)
	}
}

func TestABrowserFiltersARunAndUnfoldsALinkedScenario(t *testing.T) {
	page := filepath.Join(t.TempDir(), "run.html")
	var html strings.Builder
	require.NoError(t, aRun().WriteHTML(&html))
	// The page records whether readers would have to scroll sideways, and hides what passed.
	html.WriteString(`<script>document.querySelector('[value=passed]').click()
document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth</script>`)
	require.NoError(t, os.WriteFile(page, []byte(html.String()), 0o600))
	for _, width := range []string{"390", "1200"} {
		dom := rendered(t, page+"#b--other", width)
		assert.Contains(t, dom, `data-wide="false"`, "at %s pixels", width)
		shown := map[string]string{}
		for _, row := range regexp.MustCompile(`<details id="([^"]*)" data-kind="[^"]*"([^>]*)>`).FindAllStringSubmatch(dom, -1) {
			shown[row[1]] = strings.TrimSpace(fmt.Sprint(row[2]))
		}
		assert.Equal(t, map[string]string{"a--maps": `hidden=""`, "a--fails--b-": `open=""`, "b--other": `open=""`}, shown)
	}
}
