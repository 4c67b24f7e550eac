package reach

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// opened returns a root with a file /etc/subuid, and its directory.
func opened(t *testing.T) (*Root, string) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "etc/subuid"), []byte("root:65536:65536\n"), 0o644))
	r, err := Open(dir)
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r, dir
}

// read reads a file inside. It skips the test where openat2 is not available or not permitted.
func read(t *testing.T, r *Root, inside string) (string, error) {
	t.Helper()
	b, err := r.ReadFile(t.Context(), inside)
	if errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.EPERM) {
		t.Skip("no openat2 here: ", err)
	}
	return string(b), err
}

func TestAFileIsReadInsideTheRoot(t *testing.T) {
	r, dir := opened(t)
	require.NoError(t, os.Symlink("/etc/subuid", filepath.Join(dir, "absolute")))
	require.NoError(t, os.Symlink("../../../etc/subuid", filepath.Join(dir, "upwards")))
	require.NoError(t, os.Symlink("/", filepath.Join(dir, "all")))
	for _, path := range []string{"/etc/subuid", "etc/subuid", "/absolute", "/upwards", "/all/etc/subuid", "/../../etc/subuid"} {
		got, err := read(t, r, path)
		require.NoError(t, err, path)
		assert.Equal(t, "root:65536:65536\n", got, path)
	}
}

func TestFilesOutsideTheRootAreNotFound(t *testing.T) {
	r, dir := opened(t)
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.WriteFile(outside, nil, 0o644))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "out")))
	for _, path := range []string{"/out", outside, "/etc/subgid"} {
		_, err := read(t, r, path)
		require.ErrorIs(t, err, os.ErrNotExist)
		require.EqualError(t, err, "open "+path+": no such file or directory", "the path is the one asked for")
	}
}

func TestTheRootOfAContainerIsThatOfItsInit(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a pid namespace")
	}
	machine, err := Open("/")
	require.NoError(t, err)
	defer machine.Close()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	own, err := machine.Child(t.Context(), "own", cmd.Process.Pid)
	require.NoError(t, err)
	want, err := machine.Look(t.Context(), "/")
	require.NoError(t, err)
	got, err := own.Look(t.Context(), "/")
	require.NoError(t, err)
	assert.Equal(t, want, got)

	_, err = machine.Child(t.Context(), "none", 0)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = machine.Child(t.Context(), "another", os.Getpid())
	require.ErrorContains(t, err, "is not the init of a container")
}

func TestARootIsADirectory(t *testing.T) {
	_, dir := opened(t)
	_, err := Open(filepath.Join(dir, "etc/subuid"))
	require.ErrorIs(t, err, unix.ENOTDIR)
	_, err = Open(filepath.Join(dir, "gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestCloseAcceptsNil(_ *testing.T) {
	var r *Root
	r.Close()
	(&Root{}).Close()
}

func TestAWaitForAnLXDThatDiedEndsAtOnce(t *testing.T) {
	r, _ := opened(t)
	died := errors.New("LXD ended at its start")
	_, err := r.Connect(t.Context(), func() error { return died })
	require.ErrorIs(t, err, died)
	require.EqualError(t, err, "wait for LXD to answer: LXD ended at its start")
}

func TestAWaitForAnLXDThatNeverAnswersEndsWithTheCaller(t *testing.T) {
	r, _ := opened(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	_, err := r.Connect(ctx, func() error {
		cancel(interrupted) // at the first try; there is no socket in this root
		return nil
	})
	assert.ErrorIs(t, err, interrupted)
}
