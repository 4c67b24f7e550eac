package inroot

import (
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// machine returns the root of this process's machine.
func machine(t *testing.T) *Root {
	t.Helper()
	r, err := Open("/")
	require.NoError(t, err)
	t.Cleanup(r.Close)
	return r
}

// running returns a process that runs until its input ends.
func running(t *testing.T, attr *syscall.SysProcAttr) (*exec.Cmd, io.Closer) {
	t.Helper()
	cmd := exec.Command("cat")
	cmd.SysProcAttr = attr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return cmd, in
}

func TestTheRootOfAProcessIsThatDirectory(t *testing.T) {
	p, err := machine(t).Process(os.Getpid())
	require.NoError(t, err)
	defer p.Close()
	assert.Equal(t, os.Getpid(), p.PIDs[0])
	root, err := p.Root()
	require.NoError(t, err)
	defer root.Close()
	own, err := root.Stat("/")
	require.NoError(t, err)
	var want unix.Stat_t
	require.NoError(t, unix.Stat("/", &want))
	assert.Equal(t, want.Ino, own.Ino)
	again, err := root.Process(os.Getpid())
	require.NoError(t, err)
	defer again.Close()
	same, err := p.SameNamespace(again, "pid")
	require.NoError(t, err)
	assert.True(t, same)
	program, err := p.Program()
	require.NoError(t, err)
	require.NoError(t, program.Close())
	namespace, err := p.Namespace("net")
	require.NoError(t, err)
	require.NoError(t, namespace.Close())
	_, err = machine(t).Process(0)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAnEndedProcessIsNotConfusedWithALaterOneOfTheSameID(t *testing.T) {
	cmd, in := running(t, nil)
	p, err := machine(t).Process(cmd.Process.Pid)
	require.NoError(t, err)
	defer p.Close()
	require.NoError(t, in.Close())
	require.NoError(t, cmd.Wait())
	_, err = p.Root()
	require.Error(t, err)
	_, err = p.Program()
	require.Error(t, err)
	_, err = p.Namespace("net")
	require.Error(t, err)
}

func TestAProcOfAnotherPIDNamespaceIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a pid namespace")
	}
	cmd, _ := running(t, &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID})
	p, err := machine(t).Process(cmd.Process.Pid)
	require.NoError(t, err)
	defer p.Close()
	assert.Equal(t, []int{cmd.Process.Pid, 1}, p.PIDs)
	root, err := p.Root()
	require.NoError(t, err)
	defer root.Close()
	_, err = root.Process(os.Getpid()) // the namespace's /proc is still the machine's
	require.ErrorContains(t, err, "/proc shows process 1 started at ")
}

func TestALinkHiddenByAMountIsRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for mounts")
	}
	// In another mount namespace, mount another process's directory over this process's
	// directory in /proc.
	cmd := exec.Command("sh", "-c", `mount --make-rprivate / && mount --bind /proc/1 /proc/$$ && echo $$ && exec cat`)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	_, err = out.Read(make([]byte, 16))
	require.NoError(t, err)
	p, err := machine(t).Process(cmd.Process.Pid)
	require.NoError(t, err)
	defer p.Close()
	root, err := p.Root()
	require.NoError(t, err)
	defer root.Close()
	_, err = root.Process(cmd.Process.Pid)
	require.ErrorIs(t, err, unix.EXDEV)
	_, err = machine(t).ReadFile("/proc/self/../1/status", TextLimit)
	require.NoError(t, err, "the path is cleaned first")
}

func TestNoMagicLinkBelowProcIsFollowed(t *testing.T) {
	for _, name := range []string{"/proc/self/root/etc/passwd", "/proc/self/cwd", "/proc/self/exe", "/proc/self/ns/net"} {
		_, err := machine(t).Find(name)
		require.ErrorIs(t, err, unix.ELOOP, name)
	}
	f, err := machine(t).Find("/proc/self/status") // self is a symlink too, but not a magic one
	require.NoError(t, err)
	require.NoError(t, f.Close())
}
