package bundle

import (
	"debug/elf"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// copyOfSelf copies this test's program to a path, with changes.
func copyOfSelf(t *testing.T, change func(program []byte), elem ...string) string {
	t.Helper()
	text, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	change(text)
	path := filepath.Join(elem...)
	require.NoError(t, os.WriteFile(path, text, 0o755))
	return path
}

func unchanged([]byte) {}

func TestTheBuiltDaemonIsTheOnlyOneInItsDirectory(t *testing.T) {
	for name, c := range map[string]struct {
		files, dirs []string
		want, err   string
	}{
		"LXD":              {files: []string{"lxd", "lxc", "lxd-agent"}, want: "lxd"},
		"Incus":            {files: []string{"incusd", "incus"}, want: "incusd"},
		"nothing":          {err: "DIR has no program lxd or incusd; give the directory that go install has written it to"},
		"only the client":  {files: []string{"lxc"}, err: "DIR has no program lxd or incusd; give the directory that go install has written it to"},
		"both":             {files: []string{"lxd", "incusd"}, err: "DIR has lxd and incusd, expected one of them; move the other to another directory"},
		"a checkout":       {dirs: []string{"lxd", "lxc"}, err: "DIR/lxd is a directory, expected the program; give the directory that go install has written it to"},
		"another checkout": {dirs: []string{"cmd/incusd"}, err: "DIR has no program lxd or incusd; give the directory that go install has written it to"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range c.files {
				program(t, dir, name)
			}
			for _, name := range c.dirs {
				require.NoError(t, os.MkdirAll(filepath.Join(dir, name), 0o755))
			}
			got, err := builtDaemon(dir)
			assert.Equal(t, c.want, got)
			if c.err != "" {
				require.EqualError(t, err, strings.ReplaceAll(c.err, "DIR", dir))
				return
			}
			require.NoError(t, err)
		})
	}
}

func TestAFileWithoutAProgramForThisMachineIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, runsHere(copyOfSelf(t, unchanged, dir, "same")))
	require.ErrorContains(t, runsHere(program(t, dir, "script")), "script: not a program (bad magic number ")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o755))
	require.ErrorContains(t, runsHere(filepath.Join(dir, "empty")), "empty: not a program (EOF), expected an ELF executable; build it again")
	other := copyOfSelf(t, func(program []byte) {
		binary.LittleEndian.PutUint16(program[18:], uint16(elf.EM_S390)) // e_machine (man 5 elf)
	}, dir, "other")
	assert.ErrorContains(t, runsHere(other), "other: it is for S390, expected ")
}

func TestALibraryFromAnUnusualDirectoryIsPutBesideTheCLibrary(t *testing.T) {
	b := &build{placed: map[string]string{}, machine: []string{"/none/x86/libdqlite.so.0", "/none/x86/libc.so.6", "/none/bin/ip"}}
	b.place([]string{"/none/x86/libc.so.6", "/none/dqlite/.libs/libdqlite.so.0", "/lib64/ld-linux-x86-64.so.2", "/none/x86/libcap.so.2"})
	assert.Equal(t, map[string]string{"/none/x86/libdqlite.so.0": "/none/dqlite/.libs/libdqlite.so.0"}, b.placed, "it replaces this machine's")
	linker := resolved([]string{"/lib64/ld-linux-x86-64.so.2"})[0]
	assert.ElementsMatch(t, []string{"/none/bin/ip", "/none/x86/libc.so.6", "/none/x86/libcap.so.2", linker}, b.machine)
}

// builtSource returns the source of a directory that has this test's program as lxd.
func builtSource(t *testing.T) Source {
	t.Helper()
	if missing := MissingPrograms(); len(missing) > 0 {
		t.Skipf("this machine has no %s", missing)
	}
	dir := t.TempDir()
	copyOfSelf(t, unchanged, dir, "lxd")
	return Source{Kind: Built, Arg: dir}
}

func TestABuildHasItsOwnDaemonAndThisMachinesPrograms(t *testing.T) {
	s := builtSource(t)
	b, err := readBuild(t.Context(), s, s.Arg)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(s.Arg, "lxd"), b.placed["/usr/bin/lxd"])
	installed, err := lookPath("lxd")
	require.NoError(t, err)
	assert.NotContains(t, b.machine, installed, "the installed LXD")
	rsync, err := lookPath("rsync")
	require.NoError(t, err)
	assert.Subset(t, b.machine, resolved([]string{rsync}))

	before, err := b.key()
	require.NoError(t, err)
	copyOfSelf(t, func(program []byte) { program[len(program)-1]++ }, s.Arg, "lxd")
	after, err := b.key()
	require.NoError(t, err)
	assert.NotEqual(t, before, after, "a new build is another bundle")
}

func TestABuildWithMissingLibrariesNamesTheVariableForThem(t *testing.T) {
	s := builtSource(t)
	fakeLdd(t, "\tlibdqlite.so.0 => not found\n", "0")
	_, err := readBuild(t.Context(), s, s.Arg)
	require.ErrorContains(t, err, "bundle built:"+s.Arg+": library libdqlite.so.0: not found by ldd; install the package that holds it, or name its directory in LD_LIBRARY_PATH")
}
