package bundle

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCacheIsNobodyElsesToWriteTo(t *testing.T) {
	top := t.TempDir()
	want := filepath.Join(top, "cache")
	t.Setenv("NESTBED_CACHE", want)
	got, err := makeCache()
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.DirExists(t, want)

	for _, open := range []string{want, top} {
		require.NoError(t, os.Chmod(open, 0o777))
		_, err = makeCache()
		require.ErrorContains(t, err, open+": it has mode drwxrwxrwx, expected that nobody but ")
		require.NoError(t, os.Chmod(open, 0o755))
	}
}
