package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAGuestGetsTheFeaturesWithTheirPaths(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, os.MkdirAll("mine/deeper", 0o755))
	for _, name := range []string{"one.feature", "mine/two.feature", "mine/deeper/three.feature", "mine/notes.txt"} {
		require.NoError(t, os.WriteFile(name, []byte(name), 0o600))
	}
	outside := filepath.Join(t.TempDir(), "four.feature")
	require.NoError(t, os.WriteFile(outside, []byte("four"), 0o600))
	files := map[string][]byte{}
	for path, want := range map[string]string{"./one.feature:3": "one.feature:3", "mine/": "mine", outside: "four.feature"} {
		name, err := addFeatures(files, path)
		require.NoError(t, err)
		assert.Equal(t, want, name)
	}
	assert.Equal(t, map[string][]byte{
		"one.feature": []byte("one.feature"), "mine/two.feature": []byte("mine/two.feature"),
		"mine/deeper/three.feature": []byte("mine/deeper/three.feature"), "four.feature": []byte("four"),
	}, files)

	require.NoError(t, os.WriteFile("four.feature", []byte("other"), 0o600))
	_, err := addFeatures(files, "four.feature")
	require.EqualError(t, err, "features: four.feature: another file has the name four.feature in the virtual machine; rename one of them")
}
