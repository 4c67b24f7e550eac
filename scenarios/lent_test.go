package scenarios_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	lxd "github.com/canonical/lxd/client"
	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// lent is a machine's LXD, of which hosts get other allocations than its own.
type lent struct {
	machine *host.Host
	socket  string
	// restart is the command by which it is started anew; restarting is held meanwhile.
	restart    string
	restarting *sync.Mutex
}

// lxd is a client of the LXD that runs.
func (l lent) lxd() lxd.InstanceServer {
	l.restarting.Lock()
	defer l.restarting.Unlock()
	return l.machine.LXD()
}

// lendableLXD is ownLXD with such a command: it asks this process, and waits for it to be done, as the init that starts the next LXD is
// the machine's, and ours to tell.
func lendableLXD(t *testing.T) lent {
	t.Helper()
	machine, socket := ownLXD(t, ofMachine, harnesstest.Bundle(t, harnesstest.Source(t)))
	dir := t.TempDir()
	ask, done := filepath.Join(dir, "ask"), filepath.Join(dir, "done")
	for _, pipe := range []string{ask, done} {
		require.NoError(t, unix.Mkfifo(pipe, 0o600))
	}
	asked, err := os.OpenFile(ask, os.O_RDWR, 0)
	require.NoError(t, err)
	served, restarting := make(chan struct{}), &sync.Mutex{}
	go func() {
		defer close(served)
		lines := bufio.NewReader(asked)
		for {
			if _, err := lines.ReadString('\n'); err != nil {
				return
			}
			answer := "ok\n"
			restarting.Lock()
			if err := machine.RestartLXD(context.Background()); err != nil {
				answer = err.Error() + "\n"
			}
			restarting.Unlock()
			if os.WriteFile(done, []byte(answer), 0) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		assert.NoError(t, asked.Close())
		<-served
	})
	command := fmt.Sprintf(`echo >%s && read -r said <%s && echo "$said" && test "$said" = ok`, ask, done)
	return lent{machine: machine, socket: socket, restart: command, restarting: restarting}
}

// config is that of a host with an allocation of its own there.
func (l lent) config(t *testing.T, d idmap.Delegation) host.Config {
	t.Helper()
	return host.Config{
		Delegation: d, Bundle: harnesstest.Bundle(t, harnesstest.Source(t)), LXD: l.socket, HostAllocation: true, RestartLXD: l.restart,
	}
}

// subIDs is all that the machine's files are: what is read in them, and what the kernel knows of them. As a reboot cannot be had here, it is
// this that says that none would find anything to mend: neither inode is written, renamed or linked, not even for a moment, as its times of
// modification and of change would tell. What covers them is in the kernel's memory alone.
func (l lent) subIDs(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range []string{"subuid", "subgid"} {
		path := fmt.Sprintf("/proc/%d/root/etc/%s", l.machine.Pid(), name)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		var s unix.Stat_t
		require.NoError(t, unix.Stat(path, &s))
		fmt.Fprintf(&all, "%s: %q dev %d inode %d mode %o owner %d:%d links %d mtime %v ctime %v\n",
			name, text, s.Dev, s.Ino, s.Mode, s.Uid, s.Gid, s.Nlink, s.Mtim, s.Ctim)
	}
	return all.String()
}

// covers are the mounts on the machine's files.
func (l lent) covers(t *testing.T) []string {
	t.Helper()
	table, err := os.Open(fmt.Sprintf("/proc/%d/mountinfo", l.machine.Pid()))
	require.NoError(t, err)
	defer table.Close()
	mounts, err := mountinfo.GetMountsFromReader(table, nil)
	require.NoError(t, err)
	var found []string
	for _, m := range mounts {
		if strings.HasPrefix(m.Mountpoint, "/etc/sub") {
			found = append(found, m.Source+m.Root+" on "+m.Mountpoint)
		}
	}
	return found
}

// pid is that of the LXD.
func (l lent) pid(t *testing.T) int {
	t.Helper()
	info, _, err := l.lxd().GetServer()
	require.NoError(t, err)
	return info.Environment.ServerPid
}

// state is what must be as it was.
func (l lent) state(t *testing.T) string {
	t.Helper()
	return l.subIDs(t) + fmt.Sprintln(l.covers(t)) + allOf(t, l.lxd())
}
