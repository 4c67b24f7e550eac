package bundle

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A program in the place of mmdebstrap mounts, as that does, and does not come to unmount.
func TestAnEndedMmdebstrapLeavesNoMounts(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount")
	}
	bin, root := t.TempDir(), t.TempDir()
	text := "#!/bin/sh\nfor root; do :; done\nmount -t proc proc \"$root\" && echo is mounted && kill -9 $$\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "mmdebstrap"), []byte(text), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	require.ErrorContains(t, makeDebian(t.Context(), root, Source{Kind: Debian}, nil), "signal: killed: is mounted")
	left, err := os.ReadDir(root)
	require.NoError(t, err)
	assert.Empty(t, left, "the proc that the program mounted is still there")
}
