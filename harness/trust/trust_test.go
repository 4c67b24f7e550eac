package trust

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDirectoriesThatOthersCanChangeAreRefused(t *testing.T) {
	const alice, dir, link = 1000, fs.ModeDir, fs.ModeSymlink | 0o777
	for name, c := range map[string]struct {
		entry    entry
		uid, gid uint32
		want     string
	}{
		"root's":                            {entry{mode: dir | 0o755, last: true}, 0, 0, ""},
		"closed":                            {entry{mode: dir | 0o700, last: true}, 0, 0, ""},
		"above, for all, sticky":            {entry{mode: dir | fs.ModeSticky | 0o777}, 0, 0, ""},
		"above, for all":                    {entry{mode: dir | 0o777}, 0, 0, "/x: it has mode drwxrwxrwx, expected that only root can write to it"},
		"for all, sticky":                   {entry{mode: dir | fs.ModeSticky | 0o777, last: true}, 0, 0, "/x: it has mode dtrwxrwxrwx, expected"},
		"for a group":                       {entry{gid: 50, mode: dir | 0o775, last: true}, 0, 0, "/x: it has mode drwxrwxr-x, expected"},
		"for root's group":                  {entry{mode: dir | 0o775, last: true}, 0, 0, "/x: it has mode drwxrwxr-x, expected"},
		"another's":                         {entry{uid: alice, mode: dir | 0o700, last: true}, 0, 0, "/x: it belongs to user 1000, expected root;"},
		"above, another's":                  {entry{uid: alice, mode: dir | 0o755}, 0, 0, "/x: it belongs to user 1000, expected root;"},
		"another's symlink":                 {entry{uid: alice, mode: link}, 0, 0, "/x: it belongs to user 1000, expected root;"},
		"a symlink of root":                 {entry{mode: link, last: true}, 0, 0, ""},
		"for alice, her own":                {entry{uid: alice, mode: dir | 0o700, last: true}, alice, alice, ""},
		"for alice, for her own group":      {entry{uid: alice, gid: alice, mode: dir | 0o775, last: true}, alice, alice, ""},
		"for alice, for a group":            {entry{uid: alice, gid: 50, mode: dir | 0o775, last: true}, alice, alice, "only root or user 1000 can write"},
		"for alice, for all, and her group": {entry{uid: alice, gid: alice, mode: dir | 0o777, last: true}, alice, alice, "/x: it has mode"},
		"for alice, bob's":                  {entry{uid: 1001, mode: dir | 0o755, last: true}, alice, alice, "it belongs to user 1001, expected root or user 1000;"},
	} {
		t.Run(name, func(t *testing.T) {
			c.entry.path = "/x"
			err := c.entry.judge(c.uid, c.gid)
			if c.want == "" {
				assert.NoError(t, err)
			} else {
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
}

func TestEveryStepOfThePathIsChecked(t *testing.T) {
	top := t.TempDir()
	require.NoError(t, os.Chmod(top, 0o755))
	made := func(name string, mode fs.FileMode) string {
		path := filepath.Join(top, name)
		require.NoError(t, os.Mkdir(path, 0o700))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	linked := func(name, target string) string {
		path := filepath.Join(top, name)
		require.NoError(t, os.Symlink(target, path))
		return path
	}
	good, bad := made("good", 0o755), made("bad", 0o777)
	made("good/inner", 0o755)
	made("bad/inner", 0o755)
	for _, dir := range []string{
		good, good + "/inner", good + "/not/there/yet",
		linked("to-good", good), linked("by-name", "good") + "/inner", linked("up", "good/inner/..") + "/inner", linked("self", ".") + "/good",
		linked("gone", "nowhere"),
	} {
		require.NoError(t, Dir(dir), dir)
	}
	for _, dir := range []string{
		bad, bad + "/inner", bad + "/not/there/yet", linked("to-bad", bad), linked("into-bad", "bad/inner"),
		linked("through", "bad/../good"), linked("chain", "into-bad"),
	} {
		require.ErrorContains(t, Dir(dir), bad+": it has mode drwxrwxrwx", dir)
	}
	assert.ErrorContains(t, Dir(linked("loop", "loop")), "more than 40 symlinks")
}

func TestNothingIsMadeWhereOthersCanWrite(t *testing.T) {
	top := t.TempDir()
	require.NoError(t, os.Chmod(top, 0o777))
	require.ErrorContains(t, Make(filepath.Join(top, "a", "b"), 0o700), top+": it has mode")
	assert.NoDirExists(t, filepath.Join(top, "a"))

	require.NoError(t, os.Chmod(top, 0o777|fs.ModeSticky))
	require.NoError(t, Make(filepath.Join(top, "a", "b"), 0o700))
	assert.DirExists(t, filepath.Join(top, "a", "b"))
}

func TestASymlinkOfAnotherUserIsNotFollowed(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give a link another owner")
	}
	top, there := t.TempDir(), t.TempDir()
	require.NoError(t, os.Chmod(top, 0o777|fs.ModeSticky))
	trap := filepath.Join(top, "state")
	require.NoError(t, os.Symlink(there, trap))
	require.NoError(t, Dir(trap), "root's own")
	require.NoError(t, os.Lchown(trap, 65534, 65534))
	require.ErrorContains(t, Make(filepath.Join(trap, "x"), 0o700), trap+": it belongs to user 65534, expected root;")
	assert.NoDirExists(t, filepath.Join(there, "x"))
}
