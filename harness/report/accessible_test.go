package report

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// axe returns the script of axe-core, which finds what people with disabilities cannot use:
// contrast, labels, roles, the order of headings.
func axe(t *testing.T) string {
	t.Helper()
	root, err := exec.CommandContext(t.Context(), "npm", "root", "--global").Output()
	var script []byte
	if err == nil {
		script, err = os.ReadFile(filepath.Join(strings.TrimSpace(string(root)), "axe-core", "axe.min.js"))
	}
	if err != nil {
		t.Skipf("needs axe-core: %v; run npm install --global axe-core", err)
	}
	return string(script)
}

func TestPagesAreAccessible(t *testing.T) {
	script := axe(t)
	versions, err := NewVersions(
		version("5.0.2", "passed", "passed", "passed", "skipped", "passed"),
		version("6.2", "passed", "@before-lxd-6", "passed", "skipped", "failed"),
	)
	require.NoError(t, err)
	for name, write := range map[string]func(io.Writer) error{
		"run": aRun().WriteHTML, "comparison": compared().WriteHTML, "comparison of three": three().WriteHTML, "versions": versions.WriteHTML,
	} {
		page := filepath.Join(t.TempDir(), "page.html")
		f, err := os.Create(page)
		require.NoError(t, err)
		require.NoError(t, write(f))
		_, err = fmt.Fprintf(f, `<script>%s</script><script>
for (const row of document.querySelectorAll('details')) { row.hidden = false; row.open = true }
axe.run().then(found => { document.body.dataset.axe = 'checked ' + found.passes.length + ' rules; ' +
  found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.target + ' ' + n.failureSummary).join(', ')).join('; ') })</script>`, script)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		for scheme, dark := range map[string]string{"light": "1", "dark": "0"} {
			dom := rendered(t, page, "800", "--blink-settings=preferredColorScheme="+dark, "--virtual-time-budget=60000")
			found := regexp.MustCompile(`data-axe="checked [1-9]\d* rules; ([^"]*)"`).FindStringSubmatch(dom)
			require.NotNil(t, found, "%s, %s: axe has not run", name, scheme)
			assert.Empty(t, found[1], "%s, %s", name, scheme)
		}
	}
}
