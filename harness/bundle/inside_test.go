package bundle

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/internal/inroot"
)

// at opens a directory as a root.
func at(t *testing.T, dir string) *inroot.Root {
	t.Helper()
	r, err := inroot.Open(dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// TestARootFilesystemCannotLeadOutOfItself is a root filesystem as a user may give it, whose links say
// where its files are to who has it as root. To us they name files of the machine.
func TestARootFilesystemCannotLeadOutOfItself(t *testing.T) {
	machine, root := t.TempDir(), t.TempDir()
	for _, file := range []string{"init", "passwd", "newuidmap", "sentinel"} {
		require.NoError(t, os.WriteFile(filepath.Join(machine, file), []byte("the machine's"), 0o600))
	}
	require.NoError(t, os.Chmod(machine, 0o755))
	up := "../../../../../../../../" + machine
	for name, target := range map[string]string{
		"sbin": machine, "etc": up, "var/tmp": machine, "usr/bin": machine, "usr/lib/nestbed/sentinel": machine + "/sentinel", "var/lib": up,
	} {
		link(t, target, root, name)
	}
	require.NoError(t, layOut(at(t, root)))
	for _, name := range []string{"sbin/init", "etc/passwd", "usr/lib/nestbed/sentinel"} {
		require.NoError(t, replaceFile(at(t, root), name, []byte("the level's"), 0o755))
	}
	require.NoError(t, dropShadowTools(at(t, root)))
	assert.False(t, hasProgram(at(t, root), "newuidmap"), "only the machine has it")
	require.NoError(t, thisMachine.copy(t.Context(), root, []string{program(t, t.TempDir(), "x")}))

	for _, file := range []string{"init", "passwd", "newuidmap", "sentinel"} {
		text, err := os.ReadFile(filepath.Join(machine, file))
		require.NoError(t, err)
		assert.Equal(t, "the machine's", string(text), file)
	}
	info, err := os.Stat(machine)
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|0o755, info.Mode(), "and is not open to all for being its var/tmp")
	left, err := os.ReadDir(machine)
	require.NoError(t, err)
	assert.Len(t, left, 4, "nothing was put there")
	// They are where the links lead in the root filesystem.
	text, err := os.ReadFile(filepath.Join(root, machine, "init"))
	require.NoError(t, err)
	assert.Equal(t, "the level's", string(text))
}

func TestABundleIsTheSameWhateverTheUmask(t *testing.T) {
	root := t.TempDir()
	defer unix.Umask(unix.Umask(0o077))
	require.NoError(t, layOut(at(t, root)))
	require.NoError(t, replaceFile(at(t, root), "etc/new/file", nil, 0o644))
	for path, want := range map[string]os.FileMode{"usr/bin": 0o755, "var/lib/lxd": 0o755, "etc/new": 0o755, "etc/new/file": 0o644, "tmp": 0o777} {
		info, err := os.Stat(filepath.Join(root, path))
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm(), path)
	}
}
