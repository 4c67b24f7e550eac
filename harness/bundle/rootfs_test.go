package bundle

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/cache"
)

func TestTheLayoutMergesUsrAndKeepsExistingDirectories(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "lib64"), 0o755)) // as in a distribution without a merged /usr
	for range 2 {                                                        // the second time changes nothing
		require.NoError(t, makeLayout(openRoot(t, root)))
		for _, name := range []string{"bin", "sbin", "lib"} {
			target, err := os.Readlink(filepath.Join(root, name))
			require.NoError(t, err)
			assert.Equal(t, "usr/"+name, target)
		}
		assert.DirExists(t, filepath.Join(root, "lib64"))
		for _, dir := range []string{"proc", "sys", "dev", "var/lib/lxd", "var/cache", "var/lib/misc"} {
			assert.DirExists(t, filepath.Join(root, dir))
		}
		for _, dir := range []string{"tmp", "var/tmp"} {
			info, err := os.Stat(filepath.Join(root, dir))
			require.NoError(t, err)
			assert.Equal(t, fs.ModeDir|fs.ModeSticky|0o777, info.Mode(), dir)
		}
	}
}

func TestReplaceFileReplacesASymlinkAndKeepsItsTarget(t *testing.T) {
	root := t.TempDir()
	target := filepath.Join(root, "systemd")
	require.NoError(t, os.WriteFile(target, []byte("theirs"), 0o600))
	init := link(t, target, root, "sbin/init")
	require.NoError(t, replaceFile(openRoot(t, root), "sbin/init", []byte("ours"), 0o755))
	content, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Equal(t, "theirs", string(content))
	info, err := os.Lstat(init)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o755), info.Mode())
	content, err = os.ReadFile(init)
	require.NoError(t, err)
	assert.Equal(t, "ours", string(content))
}

func TestOnlyTheScriptsOfTheSkeletonStartLikeScripts(t *testing.T) {
	scripts := map[string]bool{}
	err := fs.WalkDir(skeleton, "skeleton", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := skeleton.ReadFile(path)
		scripts[strings.TrimPrefix(path, "skeleton")] = strings.HasPrefix(string(content), "#!/bin/sh\n")
		return err
	})
	require.NoError(t, err)
	// copyOver gives scripts their mode by this line, and the stage of a private host runs two of
	// them.
	for path, script := range scripts {
		assert.Equal(t, !strings.HasPrefix(path, "/etc/"), script, path)
	}
	for _, path := range []string{"/sbin/init", "/usr/lib/nestbed/mounts", "/usr/lib/nestbed/leave-out", "/usr/lib/nestbed/lxd", "/etc/passwd", "/etc/inittab"} {
		assert.Contains(t, scripts, path)
	}
}

func TestACopyKeepsModeAndContent(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for _, mode := range []fs.FileMode{0o755, 0o644, 0o400, 0o755 | fs.ModeSetuid, 0o777} {
		name := filepath.Join("deep", mode.String())
		require.NoError(t, os.MkdirAll(filepath.Join(from, "deep"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(from, name), []byte(mode.String()), 0o600))
		require.NoError(t, os.Chmod(filepath.Join(from, name), mode))
		require.NoError(t, copyFile(openRoot(t, from), name, openRoot(t, to), name))
		info, err := os.Stat(filepath.Join(to, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode())
		content, err := os.ReadFile(filepath.Join(to, name))
		require.NoError(t, err)
		assert.Equal(t, mode.String(), string(content))
		require.ErrorIs(t, copyFile(openRoot(t, from), name, openRoot(t, to), name), fs.ErrExist, "a file is never overwritten")
	}
}

func TestInstalledFilesAreCopiedToTheirOwnPlacesThroughTheMergedUsr(t *testing.T) {
	from, root := t.TempDir(), t.TempDir()
	require.NoError(t, makeLayout(openRoot(t, root)))
	lxd := program(t, from, "bin/lxd")
	real := program(t, from, "lib/libx.so.1.2")
	lib := link(t, real, from, "lib/libx.so.1")
	require.NoError(t, thisMachine.copy(t.Context(), root, []string{filepath.Join(from, "bin"), lxd, lib}))
	info, err := os.Lstat(filepath.Join(root, lib))
	require.NoError(t, err)
	assert.True(t, info.Mode().IsRegular(), "a symlink is copied as its target, which may not be in the list")
	assert.FileExists(t, filepath.Join(root, lxd))
	assert.NoFileExists(t, filepath.Join(root, real))

	err = thisMachine.copy(t.Context(), root, []string{filepath.Join(from, "gone")})
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestAProgramIsFoundInEveryProgramDirEvenAsADanglingSymlink(t *testing.T) {
	root := t.TempDir()
	assert.False(t, hasProgram(openRoot(t, root), "lxd"))
	program(t, root, "opt/lxd")
	assert.False(t, hasProgram(openRoot(t, root), "lxd"), "not in a level's PATH")
	for _, dir := range []string{"usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin"} {
		name := "in-" + filepath.Base(filepath.Dir(dir)) + filepath.Base(dir)
		// Absolute, as alternatives are: it resolves only inside the root filesystem.
		link(t, "/etc/alternatives/"+name, root, dir, name)
		assert.True(t, hasProgram(openRoot(t, root), name), dir)
	}
}

func TestADirectoryWithoutTheProgramsOfALevelIsRefused(t *testing.T) {
	s := Source{Kind: Dir, Arg: t.TempDir()}
	const needs = "; a level needs lxd, ip, rsync, setfattr, getfattr, tar, unsquashfs, xz, zstd, busybox"
	require.EqualError(t, makeDir(t.Context(), t.TempDir(), s), "bundle "+s.String()+": it has no program lxd"+needs)
	for _, name := range needed(lxdDaemon)[:len(required)] {
		program(t, s.Arg, "usr/bin", name)
	}
	require.EqualError(t, makeDir(t.Context(), t.TempDir(), s), "bundle "+s.String()+": it has no program busybox"+needs)
}

func TestADirectoryIsCopiedWithOrWithoutTheShadowTools(t *testing.T) {
	from := t.TempDir()
	for _, name := range append(needed(lxdDaemon), shadowTools...) {
		program(t, from, "usr/bin", name)
	}
	link(t, "busybox", from, "usr/bin/sh")
	for _, without := range []bool{false, true} {
		root := t.TempDir()
		require.NoError(t, makeDir(t.Context(), root, Source{Kind: Dir, Arg: from, NoShadow: without}))
		assert.True(t, hasProgram(openRoot(t, root), "lxd"))
		target, err := os.Readlink(filepath.Join(root, "usr/bin/sh"))
		require.NoError(t, err)
		assert.Equal(t, "busybox", target)
		for _, name := range []string{"newuidmap", "newgidmap"} {
			assert.Equal(t, !without, hasProgram(openRoot(t, root), name), name)
			assert.True(t, hasProgram(openRoot(t, from), name), "the user's own directory is left alone")
		}
	}
}

func TestMakeRefusesWithoutRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("needs an account other than root")
	}
	said := false
	store := Store{Dir: t.TempDir(), Progress: func(string) { said = true }} // the default directory may have a bundle
	_, err := store.Make(t.Context(), Source{Kind: Debian, Arg: "trixie"})
	require.ErrorContains(t, err, "only root can make one")
	assert.False(t, said)
}

func TestAnUnknownKindHasNoRecipe(t *testing.T) {
	_, err := Store{}.readRecipe(t.Context(), Source{Kind: "none"}, cache.Cache{})
	require.EqualError(t, err, `bundle "none": unknown kind`)
}

func TestTheSkeletonCanBeAddedTwice(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("needs busybox, and root for files of several owners")
	}
	root := t.TempDir()
	require.NoError(t, makeLayout(openRoot(t, root)))
	text, err := os.ReadFile(busybox)
	require.NoError(t, err)
	require.NoError(t, replaceFile(openRoot(t, root), "bin/busybox", text, 0o755))
	for range 2 { // as with dir:PATH of an existing bundle's root
		require.NoError(t, addSkeleton(t.Context(), Source{}, "0123", openRoot(t, root)))
	}
	assert.True(t, hasProgram(openRoot(t, root), "sh"))
	assert.FileExists(t, filepath.Join(root, SentinelPath))
}
