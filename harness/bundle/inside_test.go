package bundle

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/bundle/dpkg"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/inroot"
)

// openRoot opens a directory as a root filesystem.
func openRoot(t *testing.T, dir string) *inroot.Root {
	t.Helper()
	r, err := inroot.Open(dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// A user's root filesystem may have absolute symlinks. They are right for processes that have it
// as their root. For this process, they name files of the machine.
func TestSymlinksOfARootFilesystemStayInsideIt(t *testing.T) {
	machine, root := t.TempDir(), t.TempDir()
	for _, file := range []string{"init", "passwd", "newuidmap", "sentinel"} {
		require.NoError(t, os.WriteFile(filepath.Join(machine, file), []byte("the machine's"), 0o600))
	}
	require.NoError(t, os.Chmod(machine, 0o755))
	up := "../../../../../../../../" + machine
	for name, target := range map[string]string{
		"sbin": machine, "etc": up, "var/tmp": machine, "usr/bin": machine, "usr/lib/nestbed/lxd": machine + "/sentinel", "var/lib": up,
	} {
		link(t, target, root, name)
	}
	require.NoError(t, makeLayout(openRoot(t, root)))
	for _, name := range []string{"sbin/init", "etc/passwd", "usr/lib/nestbed/lxd"} {
		require.NoError(t, replaceFile(openRoot(t, root), name, []byte("the level's"), 0o755))
	}
	require.NoError(t, dropShadowTools(openRoot(t, root)))
	assert.False(t, hasProgram(openRoot(t, root), "newuidmap"), "only the machine has it")
	require.NoError(t, thisMachine.copy(t.Context(), root, []string{program(t, t.TempDir(), "x")}))

	for _, file := range []string{"init", "passwd", "newuidmap", "sentinel"} {
		text, err := os.ReadFile(filepath.Join(machine, file))
		require.NoError(t, err)
		assert.Equal(t, "the machine's", string(text), file)
	}
	info, err := os.Stat(machine)
	require.NoError(t, err)
	assert.Equal(t, os.ModeDir|0o755, info.Mode(), "the mode of var/tmp was set inside the root filesystem")
	left, err := os.ReadDir(machine)
	require.NoError(t, err)
	assert.Len(t, left, 4, "nothing was put there")
	// The files are where the symlinks point inside the root filesystem.
	text, err := os.ReadFile(filepath.Join(root, machine, "init"))
	require.NoError(t, err)
	assert.Equal(t, "the level's", string(text))
}

func TestABundleIsTheSameWhateverTheUmask(t *testing.T) {
	root := t.TempDir()
	defer unix.Umask(unix.Umask(0o077))
	require.NoError(t, makeLayout(openRoot(t, root)))
	require.NoError(t, replaceFile(openRoot(t, root), "etc/new/file", nil, 0o644))
	for path, want := range map[string]os.FileMode{"usr/bin": 0o755, "var/lib/lxd": 0o755, "etc/new": 0o755, "etc/new/file": 0o644, "tmp": 0o777} {
		info, err := os.Stat(filepath.Join(root, path))
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm(), path)
	}
}

// hostile returns functions that make a file which blocks, never ends or is outside of the root
// filesystem. Each key is a part of the expected error; "" means that the file counts as missing.
func hostile(t *testing.T) map[string]func(path string) {
	t.Helper()
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, []byte("lxd "+idmap.UserNSRule+" Legacy cgroup layout"), 0o644))
	kinds := map[string]func(path string){
		"":          func(path string) { require.NoError(t, os.Symlink(outside, path)) },
		"a FIFO":    func(path string) { require.NoError(t, unix.Mkfifo(path, 0o644)) },
		"directory": func(path string) { require.NoError(t, os.Mkdir(path, 0o755)) },
		"bytes": func(path string) {
			require.NoError(t, os.WriteFile(path, nil, 0o755))
			require.NoError(t, os.Truncate(path, 1<<40))
		},
	}
	if os.Geteuid() == 0 {
		kinds["device"] = func(path string) {
			require.NoError(t, unix.Mknod(path, unix.S_IFCHR|0o644, int(unix.Mkdev(1, 5)))) // zero
		}
	}
	return kinds
}

func TestNoFileOfARootFilesystemBlocksOrIsOutsideOfIt(t *testing.T) {
	reads := map[string]func(r *inroot.Root) error{
		"usr/bin/lxd": func(r *inroot.Root) error {
			_, err := testsWithEmptyNamespace(r)
			_, other := deniesUserNS(r, "/usr/bin/lxd")
			return errors.Join(err, other)
		},
		"usr/lib/liblxc.so.1":      func(r *inroot.Root) error { _, err := onlyCgroup2(r); return err },
		"etc/apparmor/parser.conf": func(r *inroot.Root) error { _, err := read(r, "/etc/apparmor/parser.conf"); return err },
		"var/lib/dpkg/status": func(r *inroot.Root) error {
			_, err := dpkg.PackageOf(r, r, "/usr/bin/lxd", daemonPackages...)
			return err
		},
		"bin/busybox": func(r *inroot.Root) error {
			b := &Bundle{dir: t.TempDir()}
			require.NoError(t, os.Mkdir(filepath.Join(b.dir, rootOnlyDir), 0o700))
			require.NoError(t, os.Symlink(r.Dir().Name(), b.Root()))
			return b.open()
		},
	}
	for says, make := range hostile(t) {
		for name, do := range reads {
			root := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
			make(filepath.Join(root, name))
			err := do(openRoot(t, root))
			if says == "" {
				require.True(t, err == nil || errors.Is(err, fs.ErrNotExist), "%s: %v", name, err)
				continue
			}
			require.ErrorContains(t, err, says, name)
		}
	}
}

func TestAnUnusableRootFilesystemIsRefused(t *testing.T) {
	root := t.TempDir()
	require.ErrorContains(t, checkTree(root), "/etc: not a directory")
	require.NoError(t, os.Symlink("/", filepath.Join(root, "etc")))
	require.ErrorContains(t, checkTree(root), "/etc: not a directory")
	require.NoError(t, os.Remove(filepath.Join(root, "etc")))
	require.NoError(t, os.Mkdir(filepath.Join(root, "etc"), 0o755))
	require.NoError(t, os.Symlink("/proc/kcore", filepath.Join(root, "etc/link")))
	require.NoError(t, unix.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	require.NoError(t, checkTree(root))
	require.NoError(t, os.WriteFile(filepath.Join(root, "etc/huge"), nil, 0o600))
	require.NoError(t, os.Truncate(filepath.Join(root, "etc/huge"), 1<<40))
	require.ErrorContains(t, checkTree(root), "/etc/huge: the files up to this one have 1099511627776 bytes, expected at most 17179869184")
}
