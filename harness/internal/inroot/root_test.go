package inroot

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// secret is the content of the canary on the machine.
const secret = "of the machine\n"

// outside returns a directory of the machine with two canaries: a file, and a socket that
// records connections.
func outside(t *testing.T) (dir string, connected chan struct{}) {
	t.Helper()
	dir, err := os.MkdirTemp("", "outside-") //nolint:usetesting // t.TempDir is too long for a socket
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte(secret), 0o600))
	listener, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	connected = make(chan struct{}, 100)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			connected <- struct{}{}
			_ = conn.Close()
		}
	}()
	return dir, connected
}

// opened returns a root at an empty directory, and that directory.
func opened(t *testing.T) (*Root, string) {
	t.Helper()
	dir := t.TempDir()
	r, err := Open(dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	_, err = r.Find("/")
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		t.Skip("no openat2 here: ", err)
	}
	require.NoError(t, err)
	return r, dir
}

// all performs every operation of a root on a path and returns the errors.
func all(t *testing.T, r *Root, path string) map[string]error {
	t.Helper()
	errs := map[string]error{}
	_, errs["read"] = r.ReadFile(path, TextLimit)
	_, errs["list"] = r.Names(path)
	_, errs["stat"] = r.Stat(path)
	_, errs["lstat"] = r.Lstat(path)
	_, errs["readlink"] = r.Readlink(path)
	_, errs["xattr"] = r.Xattr(path, "user.none")
	conn, err := r.Dial(t.Context(), path)
	if errs["dial"] = err; err == nil {
		_ = conn.Close()
	}
	errs["cut"] = r.Cut(path)
	f, err := r.OpenFile(path, unix.O_RDWR)
	if errs["open"] = err; err == nil {
		_ = f.Close()
	}
	return errs
}

func TestNothingOutsideIsReachedByAnyPath(t *testing.T) {
	canaries, connected := outside(t)
	r, dir := opened(t)
	up := "../../../../../../../../.."
	for name, target := range map[string]string{
		"absolute": canaries, "relative": up + canaries, "all": "/", "up": up,
		"file": canaries + "/file", "socket": canaries + "/socket", "upfile": up + canaries + "/file", "upsocket": up + canaries + "/socket",
		"self": "/proc/self/root", "fd": "/proc/self/cwd",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	paths := []string{
		canaries + "/file", canaries + "/socket", up + canaries + "/file", "/absolute/file", "/absolute/socket", "/relative/file", "/relative/socket",
		"/all" + canaries + "/file", "/up" + canaries + "/file", "/file", "/socket", "/upfile", "/upsocket", "/self" + canaries + "/file",
	}
	for _, path := range paths {
		isLink := strings.LastIndexByte(path, '/') == 0
		for what, err := range all(t, r, path) {
			// The symlink itself is inside.
			if !isLink || !slices.Contains([]string{"lstat", "readlink", "xattr"}, what) {
				require.ErrorIs(t, err, fs.ErrNotExist, "%s %s", what, path)
			}
		}
	}
	for _, name := range []string{"absolute", "relative"} {
		_, err := r.Create(name+"/made", 0o600)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.ErrorIs(t, r.Symlink("x", name+"/made"), fs.ErrNotExist)
		require.ErrorIs(t, r.Remove(name+"/file"), fs.ErrNotExist)
		require.NoError(t, r.RemoveAll(name+"/file"), "the file does not exist inside")
		_, err = r.Sub(name)
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.NoError(t, r.MkdirAll(name+"/deep/er"))
		assert.NoDirExists(t, canaries+"/deep")
		assert.DirExists(t, filepath.Join(dir, canaries, "deep/er"), "it is made inside, at the target of the symlink")
		require.NoError(t, r.RemoveAll(canaries))
	}
	require.NoError(t, r.WriteFile("/file", []byte("own"), 0o640), "it replaces the symlink")
	text, err := os.ReadFile(filepath.Join(dir, "file"))
	require.NoError(t, err)
	assert.Equal(t, "own", string(text))
	text, err = os.ReadFile(canaries + "/file")
	require.NoError(t, err)
	assert.Equal(t, secret, string(text))
	assert.Empty(t, connected)

	// The kernel itself follows the path out of the root.
	control, err := Open("/")
	require.NoError(t, err)
	defer control.Close()
	for _, path := range []string{filepath.Join(dir, "absolute/file"), filepath.Join(dir, "socket")} {
		errs := all(t, control, path)
		require.True(t, errs["read"] == nil || errs["dial"] == nil, "%s: %v", path, errs)
	}
	<-connected
	text, err = os.ReadFile(canaries + "/file")
	require.NoError(t, err)
	assert.NotEqual(t, secret, string(text))
}

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	r, dir := opened(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, unix.Mkfifo(at("fifo"), 0o600))
	require.NoError(t, os.Mkdir(at("dir"), 0o700))
	require.NoError(t, os.Symlink("fifo", at("link")))
	listener, err := net.Listen("unix", at("sock"))
	require.NoError(t, err)
	defer listener.Close()
	kinds := map[string]string{"fifo": "a FIFO", "link": "a FIFO", "dir": "a directory", "sock": "a socket"}
	if os.Geteuid() == 0 {
		require.NoError(t, unix.Mknod(at("zero"), unix.S_IFCHR|0o666, int(unix.Mkdev(1, 5))))
		require.NoError(t, unix.Mknod(at("disk"), unix.S_IFBLK|0o600, int(unix.Mkdev(7, 0))))
		kinds["zero"], kinds["disk"] = "a character device", "a block device"
	}
	for name, kind := range kinds {
		_, err := r.ReadFile(name, TextLimit)
		require.EqualError(t, err, "open "+name+": found "+kind+", expected a regular file")
		require.Error(t, r.Cut(name))
		_, err = r.Create(name, 0o600)
		require.Error(t, err, name)
		if name != "dir" {
			_, err = r.Names(name)
			require.ErrorIs(t, err, unix.ENOTDIR, name)
		}
		if name != "sock" {
			_, err = r.Dial(t.Context(), name)
			require.EqualError(t, err, "open "+name+": found "+kind+", expected a socket")
		}
	}
}

func TestTheSizeLimitDoesNotTrustTheReportedSize(t *testing.T) {
	r, dir := opened(t)
	huge := filepath.Join(dir, "huge")
	require.NoError(t, os.WriteFile(huge, nil, 0o600))
	require.NoError(t, os.Truncate(huge, 1<<40))
	_, err := r.ReadFile("huge", TextLimit)
	require.EqualError(t, err, "read huge: it has 1099511627776 bytes, expected 33554432 at most")

	machine, err := Open("/")
	require.NoError(t, err)
	defer machine.Close()
	_, err = machine.ReadFile("/proc/self/status", 10) // it reports size 0
	require.EqualError(t, err, "read /proc/self/status: it has more than 10 bytes")
	text, err := machine.ReadFile("/proc/self/status", TextLimit)
	require.NoError(t, err)
	assert.Contains(t, string(text), "NSpid:")
}

func TestAKernelFileIsReadOnlyByItsOwnPath(t *testing.T) {
	machine, err := Open("/")
	require.NoError(t, err)
	defer machine.Close()
	dir := t.TempDir()
	for name, target := range map[string]string{"log": "/proc/self/status", "sysfs": "/sys/kernel/mm/transparent_hugepage/enabled"} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
		if _, err := os.Stat(target); err != nil {
			continue
		}
		_, err = machine.ReadFile(filepath.Join(dir, name), TextLimit)
		require.ErrorContains(t, err, "it is a symlink to a kernel file, expected a file on disk")
	}
}

func TestAFakeProcIsRefused(t *testing.T) {
	canaries, _ := outside(t)
	r, dir := opened(t)
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "proc/1/ns"), 0o700))
	require.NoError(t, os.Symlink(canaries, filepath.Join(dir, "proc/1/root")))
	require.NoError(t, os.Symlink(canaries+"/file", filepath.Join(dir, "proc/1/exe")))
	require.NoError(t, os.Symlink(canaries+"/file", filepath.Join(dir, "proc/1/ns/pid")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "proc/1/stat"), nil, 0o600))
	_, err := os.Stat(filepath.Join(dir, "proc/1/root/file"))
	require.NoError(t, err, "the kernel itself follows the symlink")
	_, err = r.Process(1)
	require.EqualError(t, err, "open /proc/1: /proc is not a proc filesystem")
	_, err = r.ReadFile("/proc/1/stat", TextLimit)
	require.EqualError(t, err, "open /proc/1/stat: /proc is not a proc filesystem")
	_, err = r.Readlink("/proc/1/ns/pid")
	require.EqualError(t, err, "open /proc/1/ns/pid: /proc is not a proc filesystem")
}

func TestSymlinksAreResolvedInsideTheRoot(t *testing.T) {
	r, dir := opened(t)
	require.NoError(t, os.Symlink("/data/lxd", filepath.Join(dir, "lxd")))
	require.NoError(t, r.MkdirAll("/lxd"))
	require.NoError(t, r.WriteFile("/lxd/file", []byte("inside"), 0o644))
	text, err := os.ReadFile(filepath.Join(dir, "data/lxd/file"))
	require.NoError(t, err)
	assert.Equal(t, "inside", string(text))
	sub, err := r.Sub("/lxd")
	require.NoError(t, err)
	defer sub.Close()
	names, err := sub.Names("/")
	require.NoError(t, err)
	assert.Equal(t, []string{"file"}, names)
	require.NoError(t, sub.Cut("file"))
	text, err = r.ReadFile("/data/lxd/file", 3)
	require.NoError(t, err)
	assert.Equal(t, "ins", string(text))
	target, err := r.Readlink("lxd")
	require.NoError(t, err)
	assert.Equal(t, "/data/lxd", target)
	_, err = r.Readlink("data")
	require.ErrorIs(t, err, unix.EINVAL)

	listener, err := net.Listen("unix", filepath.Join(dir, "data/lxd/s"))
	require.NoError(t, err)
	defer listener.Close()
	conn, err := r.Dial(t.Context(), "/lxd/s")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	f, err := r.Create("/lxd/new", 0o604)
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o604), info.Mode().Perm())
	require.NoError(t, f.Close())
	require.NoError(t, os.Symlink("loop", filepath.Join(dir, "loop")))
	require.ErrorIs(t, r.MkdirAll("/loop/deeper"), unix.ELOOP)
}
