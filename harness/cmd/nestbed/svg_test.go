package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/drawing"
	"nestbed/harness/idmap"
)

// someBars returns bars to draw.
func someBars() []drawing.Bar {
	return []drawing.Bar{{Name: "c1", Depth: 1, Host: []idmap.Mapping{{Inside: 0, Parent: 500000, Count: 65536}}}}
}

// names returns the names of the files in a directory.
func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestWithoutAPathNoDrawingIsWritten(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, checkSVG(""))
	require.NoError(t, writeSVG("", someBars(), "a chain"))
	assert.Empty(t, names(t, "."))
}

func TestADrawingIsWrittenToItsFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	old := unix.Umask(0o022)
	defer unix.Umask(old)
	for _, path := range []string{"chain.svg", filepath.Join(dir, "chain.svg")} {
		require.NoError(t, os.RemoveAll(path))
		require.NoError(t, checkSVG(path))
		assert.NoFileExists(t, path, "checking makes nothing")
		require.NoError(t, writeSVG(path, someBars(), "a chain"))
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Contains(t, string(text), "<title>a chain</title>")
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, os.FileMode(0o644), info.Mode())
		assert.Equal(t, []string{"chain.svg"}, names(t, dir), "nothing else is left there")
	}
}

func TestADrawingReplacesAnEarlierOneAtomically(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chain.svg")
	require.NoError(t, os.WriteFile(path, []byte("the one before"), 0o644))
	open, err := os.Open(path)
	require.NoError(t, err)
	defer open.Close()
	require.NoError(t, checkSVG(path))
	require.NoError(t, writeSVG(path, someBars(), "a chain"))
	text := make([]byte, 100)
	n, err := open.Read(text)
	require.NoError(t, err)
	assert.Equal(t, "the one before", string(text[:n]), "a reader always sees a whole file")
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Contains(t, string(now), "</svg>")
}

func TestAFailedDrawingLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "chain.svg")
	require.NoError(t, os.Mkdir(path, 0o755)) // as if made after the check
	err := writeSVG(path, someBars(), "a chain")
	require.ErrorContains(t, err, "--svg: ")
	assert.NotContains(t, err.Error(), "\n")
	assert.Equal(t, []string{"chain.svg"}, names(t, dir))
}

func TestADrawingDoesNotReplaceASymlink(t *testing.T) {
	path := filepath.Join(t.TempDir(), "chain.svg")
	require.NoError(t, os.Symlink("/dev/stdout", path))
	var usage *usageError
	require.ErrorAs(t, checkSVG(path), &usage)
}
