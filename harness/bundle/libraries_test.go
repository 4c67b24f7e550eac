package bundle

import (
	"debug/elf"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// elfImports returns a program's dynamic linker, or "" if it is static, and the libraries that it
// imports.
func elfImports(t *testing.T, path string) (interpreter string, wants []string) {
	t.Helper()
	f, err := elf.Open(path)
	require.NoError(t, err)
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			name := make([]byte, p.Filesz-1) // without the final NUL
			_, err := p.ReadAt(name, 0)
			require.NoError(t, err)
			interpreter = string(name)
		}
	}
	wants, err = f.ImportedLibraries()
	require.NoError(t, err)
	return interpreter, wants
}

// programs returns common programs of this machine, and this test's, as dynamic and static ones.
func programs(t *testing.T) (dynamic, static []string) {
	t.Helper()
	if _, err := exec.LookPath("ldd"); err != nil {
		t.Skip("no ldd on this machine: ", err)
	}
	self, err := os.Executable()
	require.NoError(t, err)
	paths := []string{self}
	for _, name := range []string{"sh", "ls", "tar", "env", "busybox"} {
		if path, err := exec.LookPath(name); err == nil {
			paths = append(paths, path)
		}
	}
	for _, path := range paths {
		f, err := elf.Open(path)
		if err != nil {
			continue // a script, on some systems
		}
		require.NoError(t, f.Close())
		if interpreter, _ := elfImports(t, path); interpreter != "" {
			dynamic = append(dynamic, path)
		} else {
			static = append(static, path)
		}
	}
	return dynamic, static
}

func TestTheLibrariesOfAProgramAreThereWithItsLinker(t *testing.T) {
	dynamic, _ := programs(t)
	if len(dynamic) == 0 {
		t.Skip("every program of this machine is static")
	}
	for _, path := range dynamic {
		libs, err := thisMachine.libraries(t.Context(), []string{path})
		require.NoError(t, err)
		var names []string
		for _, lib := range libs {
			assert.True(t, filepath.IsAbs(lib), lib)
			assert.FileExists(t, lib)
			names = append(names, filepath.Base(lib))
		}
		interpreter, wants := elfImports(t, path)
		assert.Subset(t, names, append(wants, filepath.Base(interpreter)), path)
	}
}

func TestAStaticProgramHasNoLibraries(t *testing.T) {
	_, static := programs(t)
	if len(static) == 0 {
		t.Skip("no static program on this machine")
	}
	for _, path := range static {
		libs, err := thisMachine.libraries(t.Context(), []string{path})
		require.NoError(t, err, path)
		assert.Empty(t, libs, path)
	}
}

func TestAStaticProgramAmongOthersHidesNoLibraries(t *testing.T) {
	dynamic, static := programs(t)
	if len(dynamic) == 0 || len(static) == 0 {
		t.Skip("this machine does not have programs of both kinds")
	}
	alone, err := thisMachine.libraries(t.Context(), dynamic)
	require.NoError(t, err)
	for _, all := range [][]string{append(static[:1:1], dynamic...), append(dynamic[:len(dynamic):len(dynamic)], static[0])} {
		together, err := thisMachine.libraries(t.Context(), all)
		require.NoError(t, err)
		assert.Equal(t, alone, together)
	}
}

// fakeLdd replaces ldd by a program that prints the text and exits with the status.
func fakeLdd(t *testing.T, text, status string) {
	t.Helper()
	dir := t.TempDir()
	script := "#!/bin/sh\ncat <<'END'\n" + text + "END\nexit " + status + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "ldd"), []byte(script), 0o755))
	t.Setenv("PATH", dir+string(filepath.ListSeparator)+os.Getenv("PATH"))
}

func TestTheOutputOfLddForSeveralProgramsIsParsed(t *testing.T) {
	fakeLdd(t, `/usr/bin/tar:
	linux-vdso.so.1 (0x00007ffe2b5e4000)
	libacl.so.1 => /lib/x86_64-linux-gnu/libacl.so.1 (0x00007f4f0a6b1000)
	libodd.so => /opt/a dir (of sorts)/libodd.so (0x00007f4f0a6b2000)
	/lib64/ld-linux-x86-64.so.2 (0x00007f4f0a8e0000)
/usr/bin/busybox:
	not a dynamic executable
/usr/bin/go:
	statically linked
/usr/bin/virtual:
	linux-vdso64.so.1 (0x00007fff)
	linux-gate.so.1 (0xb7f0d000)
`, "1")
	libs, err := thisMachine.libraries(t.Context(), []string{"/usr/bin/tar", "/usr/bin/busybox", "/usr/bin/go", "/usr/bin/virtual"})
	require.NoError(t, err)
	assert.Equal(t, []string{
		"/lib/x86_64-linux-gnu/libacl.so.1", "/opt/a dir (of sorts)/libodd.so", "/lib64/ld-linux-x86-64.so.2",
	}, libs)
}

func TestALibraryThatIsNotInstalledIsAnError(t *testing.T) {
	fakeLdd(t, `	libacl.so.1 => /lib/x86_64-linux-gnu/libacl.so.1 (0x00007f4f0a6b1000)
	liblxc.so.1 => not found
`, "0")
	_, err := thisMachine.libraries(t.Context(), []string{"/usr/bin/lxd"})
	require.EqualError(t, err, "library liblxc.so.1: not found by ldd; install the package that holds it")
}

func TestWithoutLddThereIsAnError(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := thisMachine.libraries(t.Context(), []string{"/usr/bin/lxd"})
	assert.ErrorIs(t, err, exec.ErrNotFound)
}

func TestABusyboxThatNeedsLibrariesIsRefused(t *testing.T) {
	dynamic, static := programs(t)
	for _, path := range static {
		f, err := os.Open(path)
		require.NoError(t, err)
		needs, err := NeedsLoader(f)
		require.NoError(t, errors.Join(err, f.Close()))
		assert.False(t, needs, path)
	}
	_, err := NeedsLoader(strings.NewReader("#!/bin/sh\n"))
	require.Error(t, err)
	if len(dynamic) == 0 {
		t.Skip("every program of this machine is static")
	}
	b := &Bundle{dir: t.TempDir(), Source: Source{Kind: Dir, Arg: "/srv"}}
	bin := filepath.Join(b.Root(), "bin")
	require.NoError(t, os.MkdirAll(bin, 0o755))
	text, err := os.ReadFile(dynamic[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "busybox"), text, 0o755))
	require.EqualError(t, b.open(), "bundle dir:/srv: its busybox needs libraries; install the static one (package busybox-static)")
}
