package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/environment"
	"nestbed/harness/report"
)

func TestGitHubGetsAnAnnotationForEachFailureAndASummary(t *testing.T) {
	run := report.Run{Scenarios: []report.Scenario{
		{Name: "f: one", Status: report.Passed}, {Name: "f: 100%, two", Status: report.Failed, Error: "a\nb"},
	}}
	summary := filepath.Join(t.TempDir(), "summary.md")
	require.NoError(t, os.WriteFile(summary, []byte("before\n"), 0o600))
	var out strings.Builder
	require.NoError(t, annotate(&out, run, environment.GitHub{On: true, Summary: summary}))
	assert.Equal(t, "::error title=f%3A 100%25%2C two::a%0Ab\n", out.String())
	text, err := os.ReadFile(summary)
	require.NoError(t, err)
	assert.Contains(t, string(text), "before\n## nestbed: 1 of 2 scenarios failed\n")

	out.Reset()
	require.NoError(t, annotate(&out, run, environment.GitHub{Summary: summary}))
	assert.Empty(t, out.String(), "elsewhere")
	require.ErrorContains(t, annotate(&out, run, environment.GitHub{On: true, Summary: "/none/x"}), "summary for GitHub: open /none/x")
}
