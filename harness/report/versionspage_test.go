package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestThePageOfVersionsShowsWhatDiffersAndHidesTheRest(t *testing.T) {
	v, err := NewVersions(
		version("5.0.2", "passed", "passed", "passed", "skipped", "passed"),
		version("6.2", "passed", "@before-lxd-6", "passed", "skipped", "failed"),
	)
	require.NoError(t, err)
	var html strings.Builder
	require.NoError(t, v.WriteHTML(&html))
	for _, want := range []string{
		"<h1>2 behaviors differ, 2 are the same everywhere</h1>", "<dt>old</dt><dd>LXD 5.0.2", "> differs (2)</label>", "> same everywhere (2)</label>",
		`<details id="a--r" data-kind="differs">`, `<span class="kind count">new: 1 of 2</span> R <a`, "<li>old (@before-lxd-6): two<p class=\"facts\">The fact of @before-lxd-6.</p></li>",
		`<span class="kind count worse">new: 1 FAILED</span> without a rule`, "<li>old, FAILED in new: five</li>", `<details id="a--s" data-kind="same everywhere">`,
	} {
		assert.Contains(t, html.String(), want)
	}
	html.WriteString(`<script>document.body.dataset.wide = document.documentElement.scrollWidth > innerWidth</script>`)
	page := filepath.Join(t.TempDir(), "versions.html")
	require.NoError(t, os.WriteFile(page, []byte(html.String()), 0o600))
	for _, width := range []string{"390", "1200"} {
		dom := rendered(t, page+"#a--s", width)
		assert.Contains(t, dom, `data-wide="false"`, "at %s pixels", width)
		assert.Contains(t, dom, `<details id="a--s" data-kind="same everywhere" open="">`, "linked")
		assert.Contains(t, dom, `<details id="b--t" data-kind="same everywhere" hidden="">`)
		assert.Contains(t, dom, `<details id="a--r" data-kind="differs">`)
	}
}
