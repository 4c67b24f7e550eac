package report

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
	"nestbed/harness/printable"
)

// compared returns two runs with each kind of change that a page shows in its own way.
func compared() Comparison {
	old := run(passed("a: maps", up(500000), 1), passed("b: fails <b>", up(500000), 1), passed("c: gone", nil, 1), passed("d: same", up(500000), 1))
	now := run(passed("a: maps", up(565536), 1),
		Scenario{
			Name: "b: fails <b>", Status: Failed, Error: "level 2, create: </details><script>alert(1)</script>",
			Diagnosis: []string{"The chain stopped", "<img src=x>"}, Stop: &idmap.Stop{Level: 2, Op: idmap.OpCreate, Reason: idmap.NoAllocation},
		}, passed("d: same", up(500000), 1))
	return Compare(old, now)
}

func TestThePageIsSelfContainedAndShowsEachChange(t *testing.T) {
	var html strings.Builder
	require.NoError(t, compared().WriteHTML(&html))
	text := html.String()
	assert.NotRegexp(t, `(?i)(src|href)\s*=|@import|url\(`, strings.ReplaceAll(text, "&lt;img src=x&gt;", ""), "the page loads nothing")
	assert.NotContains(t, text, "<script>alert")
	assert.NotContains(t, text, "<img")
	assert.NotContains(t, text, "fails <b>")
	assert.Equal(t, 1, strings.Count(text, "<script>"), "the page's own")
	for _, want := range []string{
		"worse: in 3 of 4 scenarios", "newly failing (1)", "missing (1)", "passing with other maps (1)", "unchanged (1)",
		"The chain stopped\n&lt;img src=x&gt;", "stopped at level 2, create: no allocation",
	} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 5, strings.Count(text, "<svg "), "every chain with known maps is drawn")
	assert.Equal(t, 3, strings.Count(text, " open>"), "worse scenarios are unfolded")
}

func TestThePageShowsMoreThanTwoRuns(t *testing.T) {
	var html strings.Builder
	require.NoError(t, three().WriteHTML(&html))
	text := html.String()
	for _, want := range []string{
		"worse than a: c</h1>", "<dt>b</dt><dd>LXD", "<br>not worse: 4 scenarios are as they were, 2 differ</dd><dt>c</dt>", "<br>worse: in 3 of 7 scenarios</dd>",
		"<dl><dt>a, b</dt><dd>passed</dd><dt>c</dt><dd>failed: all 2 levels are up</dd></dl>", "<h2>a: passed</h2>", "<h2>c: failed</h2>",
		"newly failing (1)", "unchanged (1)", "ids on the host, b",
	} {
		assert.Contains(t, text, want)
	}
	assert.Equal(t, 6, strings.Count(text, "<svg "), "every chain with known maps is drawn")
	assert.NotContains(t, text, "not in the run</h2>")
}

func TestThePageEscapesControlBytes(t *testing.T) {
	failed := Scenario{Name: "a: fails", Status: Failed, Error: "read \x1b[31m", Diagnosis: []string{"log: \u202e\xff", "two"}}
	var html strings.Builder
	require.NoError(t, Compare(run(passed("a: fails", nil, 1)), run(failed)).WriteHTML(&html))
	assert.Equal(t, html.String(), printable.Text(html.String()))
	assert.Contains(t, html.String(), `read \u001b[31m`)
	assert.Contains(t, html.String(), `log: \u202e`)
}

func TestThePageUnfoldsNothingIfManyScenariosAreWorse(t *testing.T) {
	var old, now []Scenario
	for i := range maxUnfolded + 1 {
		s := passed(fmt.Sprintf("a: %d", i), nil, 1)
		old = append(old, s)
		s.Status = Failed
		now = append(now, s)
	}
	var html strings.Builder
	require.NoError(t, Compare(run(old...), run(now...)).WriteHTML(&html))
	assert.NotContains(t, html.String(), " open>")
}

// browsers are the names of headless Chromium. Debian's is the first.
var browsers = []string{"chromium", "google-chrome", "chromium-browser"}

// rendered returns the DOM of a page after its script has run in a browser window of this width.
// The page must not have written to the browser's console, which has its errors.
func rendered(t *testing.T, page string, width string, options ...string) (dom string) {
	t.Helper()
	browser := ""
	for _, name := range browsers {
		if path, err := exec.LookPath(name); err == nil && browser == "" {
			browser = path
		}
	}
	if browser == "" {
		t.Skip("needs a browser; run apt-get install chromium")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	// Without a sandbox: as root the browser does not start with one, and the page is our own.
	args := append([]string{
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr",
		"--user-data-dir=" + t.TempDir(), "--window-size=" + width + ",800",
	}, options...)
	cmd := exec.CommandContext(ctx, browser, append(args, "--dump-dom", "file://"+page)...)
	var messages strings.Builder
	cmd.Stderr = &messages
	out, err := cmd.Output()
	require.NoError(t, err)
	assert.NotContains(t, messages.String(), ":CONSOLE", "%s", messages.String())
	return string(out)
}

func TestABrowserShowsWhatDiffersAndHidesTheRest(t *testing.T) {
	for rows, c := range map[int]Comparison{4: compared(), 7: three()} {
		page := filepath.Join(t.TempDir(), "compare.html")
		f, err := os.Create(page)
		require.NoError(t, err)
		require.NoError(t, c.WriteHTML(f))
		// The page records whether it is wider than the window: readers must not have to scroll
		// sideways.
		_, err = f.WriteString(`<script>document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth</script>`)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		for _, width := range []string{"360", "1280"} {
			dom := rendered(t, page, width)
			assert.Contains(t, dom, `data-wide="false"`, "at %s pixels", width)
			shown := regexp.MustCompile(`<details data-kind="([^"]*)"([^>]*)>`).FindAllStringSubmatch(dom, -1)
			require.Len(t, shown, rows)
			for _, row := range shown {
				assert.Equal(t, row[1] == "unchanged", strings.Contains(row[2], "hidden"), "%s", row[0])
			}
		}
	}
}
