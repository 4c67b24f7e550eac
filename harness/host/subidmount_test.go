package host

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/wait"
)

// otherNS is a mount namespace with files of its own, which ends with the test.
func otherNS(t *testing.T) mountNS {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounts are root's to make")
	}
	cmd := exec.CommandContext(context.Background(), "unshare", "--mount", "--propagation", "private", "sh", "-ec",
		"mount -t tmpfs none /etc; echo root:1:1 >/etc/subuid; echo root:2:2 >/etc/subgid; echo ready; cat")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, cmd.Wait())
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ready\n", line)
	file, err := os.Open(fmt.Sprintf("/proc/%d/ns/mnt", cmd.Process.Pid))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, file.Close()) })
	return mountNS{file}
}

var (
	machines = [2]string{"root:1:1\n", "root:2:2\n"}
	lentOnes = [2]string{"root:500000:65536\n", "root:900000:65536\n"}
)

func coverOf(t *testing.T, by owner) *cover {
	t.Helper()
	c, err := makeCover(by, lentOnes)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.close() }) // the test may have closed it
	return c
}

func seenIn(t *testing.T, ns mountNS) [2]string {
	t.Helper()
	texts, err := readSubIDs(ns)
	require.NoError(t, err)
	return texts
}

func TestFilesAreCoveredByWhomTheMountNamesAndUncoveredAgain(t *testing.T) {
	ns := otherNS(t)
	here, err := thisProcess()
	require.NoError(t, err)
	own, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	assert.Equal(t, machines, seenIn(t, ns))
	lock, cleared, err := lockSubIDs(t.Context(), ns)
	require.NoError(t, err)
	assert.False(t, cleared)
	c := coverOf(t, here)
	by, err := coveredBy(ns)
	require.NoError(t, err)
	assert.Nil(t, by, "it is nowhere yet")
	require.NoError(t, c.put(ns))
	assert.Equal(t, lentOnes, seenIn(t, ns))
	by, err = coveredBy(ns)
	require.NoError(t, err)
	assert.Equal(t, &here, by)
	_, _, err = lockSubIDs(t.Context(), ns)
	require.ErrorIs(t, err, ErrBusy)
	require.ErrorContains(t, err, fmt.Sprintf("by nestbed, process %d", os.Getpid()))

	for range 2 { // it may be done again
		require.NoError(t, uncover(ns))
		assert.Equal(t, machines, seenIn(t, ns))
	}
	require.NoError(t, lock.Close())
	now, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	assert.Equal(t, string(own), string(now), "nothing is mounted in our namespace")
}

func TestWhatARunThatHasEndedLeftIsUncoveredByWhoLocksNext(t *testing.T) {
	for _, half := range []bool{false, true} {
		ns := otherNS(t)
		here, err := thisProcess()
		require.NoError(t, err)
		here.Pid = "4194304"
		c := coverOf(t, here)
		if half {
			require.NoError(t, ns.enter(func() error {
				return unix.MoveMount(int(c.trees[0].Fd()), "", unix.AT_FDCWD, subIDFiles[0], unix.MOVE_MOUNT_F_EMPTY_PATH)
			}))
		} else {
			require.NoError(t, c.put(ns))
		}
		require.NoError(t, c.close())
		lock, cleared, err := lockSubIDs(t.Context(), ns)
		require.NoError(t, err)
		assert.True(t, cleared)
		assert.Equal(t, machines, seenIn(t, ns))
		_, _, err = lockSubIDs(wait.WithPatience(t.Context(), 0.001), ns)
		require.ErrorIs(t, err, ErrBusy, "it is the machine's file that is locked now")
		require.NoError(t, lock.Close())
	}
}

func TestAMountOfSomebodysOverOursIsLeftAlone(t *testing.T) {
	ns := otherNS(t)
	here, err := thisProcess()
	require.NoError(t, err)
	c := coverOf(t, here)
	require.NoError(t, c.put(ns))
	require.NoError(t, ns.enter(func() error { return unix.Mount("/etc/subgid", "/etc/subuid", "", unix.MS_BIND, "") }))
	require.NoError(t, uncover(ns), "this is one of ours, bound a second time")
	assert.Equal(t, machines, seenIn(t, ns))

	c = coverOf(t, here)
	require.NoError(t, c.put(ns))
	require.NoError(t, ns.enter(func() error { return unix.Mount("/proc/version", "/etc/subuid", "", unix.MS_BIND, "") }))
	err = uncover(ns)
	require.ErrorContains(t, err, "somebody has mounted proc over nestbed's mount")
	assert.True(t, strings.HasPrefix(seenIn(t, ns)[0], "Linux version"))
}

func TestAFileThatIsMissingIsSaidWithWhatToDo(t *testing.T) {
	ns := otherNS(t)
	require.NoError(t, ns.enter(func() error { return os.Remove("/etc/subgid") }))
	_, err := readSubIDs(ns)
	require.EqualError(t, err, "/etc/subgid: missing, and nothing can be mounted over it: touch /etc/subgid, and restart LXD")
	require.NoError(t, ns.enter(func() error { return os.Symlink("subuid", "/etc/subgid") }))
	_, err = readSubIDs(ns)
	require.ErrorContains(t, err, "expected a regular file")
}
