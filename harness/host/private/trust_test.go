package private

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// writableByAll returns a directory that anybody may write to.
func writableByAll(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Chmod(dir, 0o777))
	return dir
}

func TestAStateRootThatOthersMayWriteToIsRefused(t *testing.T) {
	root := StateRoot{Dir: writableByAll(t)}
	_, err := root.claim(t.Context(), "")
	require.ErrorContains(t, err, "state directory: "+root.Dir+": it has mode drwxrwxrwx")
	require.ErrorIs(t, err, ErrStateRoot)
	_, err = root.Reap(t.Context())
	require.ErrorContains(t, err, "state directory: "+root.Dir+": it has mode drwxrwxrwx")
	assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir))
}

func TestAGivenDirectoryThatOthersMayWriteToIsRefused(t *testing.T) {
	root, dir := stateRoot(t), writableByAll(t)
	for _, given := range []string{dir, filepath.Join(dir, "new")} {
		_, err := root.claim(t.Context(), given)
		require.ErrorContains(t, err, "state directory: "+dir+": it has mode drwxrwxrwx")
	}
	assert.Equal(t, []string{dir}, listTree(t, dir))
	assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir))
}

// Reap ends and removes what a journal lists, so it must not believe a journal that others can
// write.
func TestAJournalThatOthersMayWriteIsNotBelieved(t *testing.T) {
	root := stateRoot(t)
	left := deadDir(t, root, filepath.Join(t.TempDir(), "left"))
	before := listTree(t, left.path)
	require.NoError(t, os.Chmod(filepath.Dir(left.path), 0o777))
	require.ErrorContains(t, root.End(t.Context(), left.path), filepath.Dir(left.path)+": it has mode drwxrwxrwx")
	require.ErrorContains(t, root.End(t.Context(), left.journal.Name), filepath.Dir(left.path)+": it has mode drwxrwxrwx")
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	assert.Empty(t, cleared)
	assert.Equal(t, before, listTree(t, left.path))
	require.NoError(t, os.Chmod(filepath.Dir(left.path), 0o755))
	require.NoError(t, root.End(t.Context(), left.journal.Name))
	assert.NoDirExists(t, left.path)
}

func TestStateIsPrivateRegardlessOfUmaskAndEarlierMode(t *testing.T) {
	root := StateRoot{Dir: filepath.Join(t.TempDir(), "state")}
	open := filepath.Join(t.TempDir(), "open")
	defer unix.Umask(unix.Umask(0))
	require.NoError(t, os.Mkdir(open, 0o755))
	for _, dir := range []string{"", open, filepath.Join(filepath.Dir(open), "new")} {
		s := claimDir(t, root, dir)
		for path, want := range map[string]os.FileMode{root.Path(): 0o700, s.path: 0o700, filepath.Join(s.path, lockName): 0o600, filepath.Join(s.path, journalName): 0o600} {
			info, err := os.Stat(path)
			require.NoError(t, err)
			assert.Equal(t, want, info.Mode().Perm(), path)
		}
	}
}

func TestANameIsNotAPath(t *testing.T) {
	root := stateRoot(t)
	for _, name := range []string{"", ".", "..", "../x", "a/b", "nestbed-*", "a\x00b"} {
		assert.ErrorContains(t, root.End(t.Context(), name), "no journal of nestbed", name)
	}
}
