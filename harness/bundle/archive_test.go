package bundle

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// snap packs a directory as a squashfs and returns its source.
func snap(t *testing.T, dir string) Source {
	t.Helper()
	if _, err := exec.LookPath("mksquashfs"); err != nil {
		t.Skip(err)
	}
	file := filepath.Join(t.TempDir(), "lxd.snap")
	out, err := exec.CommandContext(t.Context(), "mksquashfs", dir, file).CombinedOutput()
	require.NoError(t, err, string(out))
	return Source{Kind: Snap, Arg: file}
}

func TestAFileThatIsNotLXDsSnapIsRefused(t *testing.T) {
	text := filepath.Join(t.TempDir(), "text.snap")
	require.NoError(t, os.WriteFile(text, []byte("not a snap\n"), 0o600))
	script := t.TempDir()
	program(t, script, "bin/lxd")
	for name, c := range map[string]struct {
		source Source
		want   string
	}{
		"a text":             {Source{Kind: Snap, Arg: text}, ": not a snap: unsquashfs: "},
		"another snap":       {snap(t, t.TempDir()), ": it has no program bin/lxd; give LXD's snap, as snap download lxd writes it"},
		"a script as daemon": {snap(t, script), ": it has no program bin/lxd; give LXD's snap, as snap download lxd writes it"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			err := makeSnap(t.Context(), filepath.Join(dir, "rootfs"), c.source)
			require.ErrorContains(t, err, "bundle "+c.source.String()+c.want)
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			assert.Empty(t, left, "the unpacked snap is removed")
		})
	}
	_, err := snapKey(t.Context(), Source{Kind: Snap, Arg: filepath.Join(t.TempDir(), "none.snap")})
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.ErrorContains(t, err, "; give LXD's snap, as snap download lxd writes it")
}
