package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestOnlyTextFilesAreFeatures(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("good/deeper", 0o755))
	for name, content := range map[string][]byte{
		"good/deeper/a.feature": []byte("Feature: a\n"), "nul.feature": {'a', 0}, "latin.feature": {0xe9}, "large.feature": bytes.Repeat([]byte("a"), largestFeature+1),
	} {
		require.NoError(t, os.WriteFile(name, content, 0o600))
	}
	require.NoError(t, unix.Mkfifo("fifo.feature", 0o600))
	require.NoError(t, os.Mkdir("empty", 0o755))
	_, paths, err := featureFiles([]string{"./good/"})
	require.NoError(t, err)
	assert.Equal(t, []string{"good"}, paths)
	for path, want := range map[string]string{
		"nul.feature":                           "features: nul.feature: not a text file in UTF-8",
		"latin.feature":                         "features: latin.feature: not a text file in UTF-8",
		"large.feature":                         "features: large.feature: 1048577 bytes; the maximum is 1048576",
		"fifo.feature":                          "features: fifo.feature: not a regular file",
		"empty":                                 "features: empty: there is no feature file in it; their names end in .feature",
		filepath.Join("good", "none.feature:3"): "features: stat good/none.feature: no such file or directory",
	} {
		_, _, err := featureFiles([]string{path})
		assert.EqualError(t, err, want)
	}
}
