package bundle

import (
	"archive/tar"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// archive writes a tar archive of the entries and returns its source.
func archive(t *testing.T, entries ...tar.Header) Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "root:1.tar") // tar must not take the part before the colon for a host
	f, err := os.Create(path)
	require.NoError(t, err)
	w := tar.NewWriter(f)
	for _, e := range entries {
		e.Uid, e.Gid = os.Getuid(), os.Getgid() // only root can make files of other owners
		require.NoError(t, w.WriteHeader(&e))
	}
	require.NoError(t, w.Close())
	require.NoError(t, f.Close())
	return Source{Kind: Tar, Arg: path}
}

func levelPrograms() []tar.Header {
	var entries []tar.Header
	for _, name := range append(needed(lxdDaemon), shadowTools...) {
		entries = append(entries, tar.Header{Typeflag: tar.TypeReg, Name: "./usr/bin/" + name, Mode: 0o755})
	}
	return entries
}

func TestAnArchiveIsUnpackedWithOrWithoutTheShadowTools(t *testing.T) {
	s := archive(t, levelPrograms()...)
	for _, s.NoShadow = range []bool{false, true} {
		root := t.TempDir()
		require.NoError(t, makeTar(t.Context(), root, s))
		assert.True(t, hasProgram(openRoot(t, root), "lxd"))
		assert.Equal(t, !s.NoShadow, hasProgram(openRoot(t, root), "newuidmap"))
	}
}

func TestAnArchiveWithoutTheProgramsOfALevelIsRefused(t *testing.T) {
	s := archive(t, levelPrograms()[1:]...)
	err := makeTar(t.Context(), t.TempDir(), s)
	require.ErrorContains(t, err, "bundle "+s.String()+": it has no program lxd; a level needs lxd, ip,")
}

func TestAnArchiveCannotWriteOutsideItsRoot(t *testing.T) {
	for name, entries := range map[string]func(outside string) []tar.Header{
		"by its name": func(outside string) []tar.Header {
			return []tar.Header{{Typeflag: tar.TypeReg, Name: outside + "/planted"}}
		},
		"by the directory above": func(string) []tar.Header {
			return []tar.Header{{Typeflag: tar.TypeReg, Name: "../outside/planted"}}
		},
		"by a link": func(outside string) []tar.Header {
			return []tar.Header{
				{Typeflag: tar.TypeSymlink, Name: "etc", Linkname: outside}, {Typeflag: tar.TypeReg, Name: "etc/planted"},
			}
		},
		"by a hard link": func(outside string) []tar.Header {
			return []tar.Header{
				{Typeflag: tar.TypeLink, Name: "there", Linkname: outside + "/theirs"}, {Typeflag: tar.TypeReg, Name: "there", Mode: 0o777},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			root, outside := filepath.Join(dir, "root"), filepath.Join(dir, "outside")
			require.NoError(t, os.Mkdir(root, 0o700))
			require.NoError(t, os.Mkdir(outside, 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(outside, "theirs"), []byte("theirs"), 0o600))
			// tar may or may not fail. The archive never contains the programs of a level, so
			// makeTar fails.
			require.Error(t, makeTar(t.Context(), root, archive(t, entries(outside)...)))
			assert.NoFileExists(t, filepath.Join(outside, "planted"))
			content, err := os.ReadFile(filepath.Join(outside, "theirs"))
			require.NoError(t, err)
			assert.Equal(t, "theirs", string(content))
		})
	}
}

func TestTarReportsAnInvalidArchive(t *testing.T) {
	s := Source{Kind: Tar, Arg: filepath.Join(t.TempDir(), "root.tar")}
	_, err := tarKey(s)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "give a tar archive of a root filesystem with LXD in it")
	require.NoError(t, os.WriteFile(s.Arg, []byte("no archive, and longer than nothing"), 0o600))
	require.ErrorContains(t, makeTar(t.Context(), t.TempDir(), s), "bundle "+s.String()+": unpack: ")
}

func TestTheKeyOfAnArchiveDependsOnItsContentOnly(t *testing.T) {
	s := archive(t)
	empty, err := tarKey(s)
	require.NoError(t, err)
	full, err := tarKey(archive(t, levelPrograms()...))
	require.NoError(t, err)
	assert.NotEqual(t, empty, full)
	moved := Source{Kind: Tar, Arg: filepath.Join(t.TempDir(), "b")}
	content, err := os.ReadFile(s.Arg)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(moved.Arg, content, 0o600))
	same, err := tarKey(moved)
	require.NoError(t, err)
	assert.Equal(t, empty, same)
}
