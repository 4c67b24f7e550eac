package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/features"
	"nestbed/steps"
)

var update = flag.Bool("update", false, "write the generated files of docs/ instead of comparing them")

// generatedDocs returns the generated files of docs/ by their names.
func generatedDocs(t *testing.T) map[string]string {
	t.Helper()
	vocabulary, err := steps.Vocabulary(features.FS)
	require.NoError(t, err)
	svg := filepath.Join(t.TempDir(), "chain.svg")
	status, _, stderr := nestbed(t, "plan", "--depth", "3", "--svg", svg)
	require.Zero(t, status, stderr)
	drawing, err := os.ReadFile(svg)
	require.NoError(t, err)
	return map[string]string{"steps.md": stepsPage(vocabulary), "chain.svg": string(drawing)}
}

// stepsPage returns the vocabulary as a page.
func stepsPage(vocabulary []steps.Step) string {
	var page strings.Builder
	page.WriteString("# The steps of scenarios\n\n" +
		"`make docs` generates this page from the vocabulary. `nestbed steps` prints the same list.\n" +
		"[Writing scenarios](writing-scenarios.md) shows how to use it.\n")
	for _, keyword := range []steps.Keyword{steps.Given, steps.When, steps.Then} {
		fmt.Fprintf(&page, "\n## %s\n", keyword)
		for _, s := range vocabulary {
			if s.Keyword == keyword {
				fmt.Fprintf(&page, "\n```gherkin\n%s %s\n```\n\n%s\n", keyword, strings.ReplaceAll(s.Example, "\n", "\n  "), s.Meaning)
			}
		}
	}
	return page.String()
}

func TestTheGeneratedDocsAreCurrent(t *testing.T) {
	for name, wanted := range generatedDocs(t) {
		path := filepath.Join("..", "..", "..", "docs", name)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(wanted), 0o644))
			continue
		}
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, wanted, string(got), "docs/%s is out of date: run make docs, and commit it", name)
	}
}
