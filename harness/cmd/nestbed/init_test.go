package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestInitWritesAStarterWithoutMistakes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "nesting")
	status, stdout, stderr := nestbed(t, "init", dir)
	assert.Zero(t, status, stderr)
	assert.Equal(t, dir+"/.github/workflows/nestbed.yml\n"+dir+"/README.md\n"+dir+"/features/nesting.feature\n", stdout)
	status, stdout, stderr = nestbed(t, "test", "--list", dir)
	assert.Zero(t, status, stderr)
	name := dir + "/features/nesting: "
	assert.Equal(t, name+"The allocation reaches three levels\n"+name+"The allocation does not reach a fourth level\n", stdout)
}

func TestInitReplacesNoFile(t *testing.T) {
	dir := t.TempDir()
	readme := filepath.Join(dir, "README.md")
	require.NoError(t, os.Symlink("/nowhere", readme))
	status, stdout, stderr := nestbed(t, "init", dir)
	assert.Equal(t, 1, status)
	assert.Empty(t, stdout)
	assert.Equal(t, "nestbed: init: "+readme+" exists already, and init replaces no file; name another directory, or move the file away\n", stderr)
	entries, err := fs.ReadDir(os.DirFS(dir), ".")
	require.NoError(t, err)
	assert.Len(t, entries, 1, "nothing else was written")

	_, _, stderr = nestbed(t, "init", filepath.Join(file(t, "text"), "below"))
	assert.Contains(t, stderr, "not a directory")
	status, _, _ = nestbed(t, "init")
	assert.Equal(t, exitUsage, status)
}
