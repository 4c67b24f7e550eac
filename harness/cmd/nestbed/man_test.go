package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/environment"
)

func TestEveryCommandHasAGroupAndExamples(t *testing.T) {
	root := newRoot(environment.Machine{})
	for _, verb := range root.Commands() {
		if verb.Hidden {
			continue
		}
		assert.NotEmpty(t, verb.GroupID, "group of %s", verb.Name())
		assert.NotEmpty(t, verb.Example, "examples of %s", verb.Name())
		for _, line := range strings.Split(verb.Long+"\n"+verb.Example, "\n") {
			assert.LessOrEqual(t, len(line), 90, "columns of the help of %s: %s", verb.Name(), line)
		}
	}
}

func TestManPages(t *testing.T) {
	dir := t.TempDir()
	status, stdout, stderr := nestbed(t, "man", dir)
	require.Zero(t, status, stderr)
	assert.Empty(t, stdout)
	pages, err := filepath.Glob(filepath.Join(dir, "*.1"))
	require.NoError(t, err)
	assert.GreaterOrEqual(t, len(pages), len(newRoot(environment.Machine{}).Commands()))
	text, err := os.ReadFile(filepath.Join(dir, "nestbed-up.1"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "Build a chain, verify it")
}

func TestManPagesGoToADirectory(t *testing.T) {
	status, _, stderr := nestbed(t, "man", filepath.Join(t.TempDir(), "missing"))
	assert.Equal(t, 2, status)
	assert.Contains(t, stderr, "is not a directory; make it first")
}
