package bundle

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheKeyDependsOnSourceAndContent(t *testing.T) {
	seen := map[string]string{}
	for _, text := range []string{"installed", "installed,no-newuidmap", "debian:trixie", "debian:trixie/incus", "debian:bookworm", "dir:/a", "dir:/b"} {
		s, err := ParseSource(text)
		require.NoError(t, err)
		for _, content := range []string{"", "a", "b", "a b", "a\n"} {
			key, err := keyOf(s, content)
			require.NoError(t, err)
			assert.Regexp(t, "^[0-9a-f]{16}$", key)
			what := text + " with " + content
			assert.NotContains(t, seen, key, what)
			seen[key] = what

			again, err := keyOf(s, content)
			require.NoError(t, err)
			assert.Equal(t, key, again, "the same bundle must be found in the cache again")
		}
	}
}

// tree returns a directory with a small root filesystem.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc/passwd"), []byte("root:x:0:0\n"), 0o644))
	program(t, dir, "usr/bin/lxd")
	return dir
}

func TestTheKeyOfADirectoryChangesWithWhatIsInIt(t *testing.T) {
	passwd := func(root string) string { return filepath.Join(root, "etc/passwd") }
	for name, change := range map[string]func(root string) error{
		"another file":   func(root string) error { return os.WriteFile(filepath.Join(root, "etc/group"), nil, 0o644) },
		"one file less":  func(root string) error { return os.Remove(passwd(root)) },
		"another name":   func(root string) error { return os.Rename(passwd(root), passwd(root)+"-") },
		"another mode":   func(root string) error { return os.Chmod(passwd(root), 0o400) },
		"a longer file":  func(root string) error { return os.WriteFile(passwd(root), []byte("root:x:0:0:root\n"), 0o644) },
		"another time":   func(root string) error { return os.Chtimes(passwd(root), time.Time{}, time.Unix(1, 1)) },
		"another target": func(root string) error { return os.Symlink("passwd", filepath.Join(root, "etc/shadow")) },
	} {
		t.Run(name, func(t *testing.T) {
			s := Source{Kind: Dir, Arg: tree(t)}
			before, err := dirKey(s)
			require.NoError(t, err)
			same, err := dirKey(s)
			require.NoError(t, err)
			require.Equal(t, before, same)

			require.NoError(t, change(s.Arg))
			after, err := dirKey(s)
			require.NoError(t, err)
			assert.NotEqual(t, before, after)
		})
	}
}

func TestAMissingDirectoryIsRefused(t *testing.T) {
	s := Source{Kind: Dir, Arg: filepath.Join(t.TempDir(), "nothing")}
	_, err := dirKey(s)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "bundle "+s.String()+": ")
	assert.ErrorContains(t, err, "; give a directory that holds a root filesystem with LXD in it")
}

func TestTheKeyOfTheInstalledFilesChangesWithNameModeAndContent(t *testing.T) {
	root := tree(t)
	lxd, passwd := filepath.Join(root, "usr/bin/lxd"), filepath.Join(root, "etc/passwd")
	key := func(files ...string) string {
		t.Helper()
		k, err := installedKey(files)
		require.NoError(t, err)
		return k
	}
	before := key(lxd, passwd)
	require.NoError(t, os.Chtimes(lxd, time.Time{}, time.Unix(1, 1)))
	assert.Equal(t, before, key(lxd, passwd), "a reinstalled package with the same content is the same bundle")
	assert.NotEqual(t, before, key(lxd))
	assert.NotEqual(t, before, key(lxd, passwd, filepath.Join(root, "etc")), "directories count")

	require.NoError(t, os.Chmod(lxd, 0o500))
	mode := key(lxd, passwd)
	assert.NotEqual(t, before, mode)
	require.NoError(t, os.WriteFile(passwd, []byte("Root:x:0:0\n"), 0o644))
	assert.NotEqual(t, mode, key(lxd, passwd), "the same size, but other content")

	_, err := installedKey([]string{lxd, filepath.Join(root, "gone")})
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestTheKeyOfALinkToADirectoryChangesWithWhatIsInIt(t *testing.T) {
	root := tree(t)
	s := Source{Kind: Dir, Arg: link(t, root, t.TempDir(), "current")}
	before, err := dirKey(s)
	require.NoError(t, err)
	program(t, root, "usr/bin/ip")
	after, err := dirKey(s)
	require.NoError(t, err)
	assert.NotEqual(t, before, after, "the copy follows the symlink, so an unchanged key would keep the old content")
}
