package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
)

func TestAnAccountThatIsNotRootReachesNothingOfARunningHost(t *testing.T) {
	parallel(t, 1)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	for where, c := range map[string]private.Config{"on disk": {}, "in memory": {InMemory: 2}, "in a directory that every account can read": {StateDir: openDir(t)}} {
		t.Run(where, func(t *testing.T) {
			c.StateRoot, c.Delegation, c.Bundle = stateRoot(), article, b
			h, err := private.Start(harnesstest.Context(t), c)
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
			if c.InMemory > 0 && !strings.HasPrefix(h.StateDir(), "/dev/shm/") {
				t.Skip("this machine has no room for state in memory, or NESTBED_STATE puts it elsewhere")
			}
			chain := harnesstest.Build(t, h, harness.Cascade(2))
			attempts := slices.Concat(
				againstState(t, h), againstProcesses(t, h, chain), againstCgroups(t, h), againstBundle(b), againstAbstract(t, h, chain))

			// First check that root can do each: an attempt at a wrong path would always be
			// refused.
			for i, refused := range (account{}).try(t, attempts) {
				assert.Empty(t, refused, "root: %s", attempts[i])
			}
			for _, who := range []account{{65534, 65534}, {12345, 12345}} {
				for i, refused := range who.try(t, attempts) {
					assert.NotEmpty(t, refused, "user %d can %s", who.UID, attempts[i])
				}
			}
		})
	}
}

// openDir makes a directory that every account can read.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/var/lib", "nestbed-given-") //nolint:usetesting // other accounts cannot reach that of t.TempDir
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoDirExists(t, dir, "the directory is removed with its host") })
	require.NoError(t, os.Chmod(dir, 0o755))
	return dir
}

// againstState returns attempts at every directory, file and socket of the host's state. In the
// levels' root filesystems it takes only the sockets.
func againstState(t *testing.T, h *private.Host) []attempt {
	t.Helper()
	var attempts []attempt
	err := filepath.WalkDir(h.StateDir(), func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // LXD has removed it
		} else if err != nil {
			return err
		}
		switch inRootFS := strings.Contains(path, "/rootfs/"); {
		case e.Type() == fs.ModeSocket:
			attempts = append(attempts, attempt{Do: dial, Path: path})
		case inRootFS:
		case e.IsDir():
			attempts = append(attempts, attempt{Do: list, Path: path}, attempt{Do: create, Path: path})
			if e.Name() == "global" { // its files come and go (LXD: the log of dqlite)
				return fs.SkipDir
			}
		case e.Type().IsRegular():
			attempts = append(attempts, attempt{Do: read, Path: path}, attempt{Do: write, Path: path})
		}
		return nil
	})
	require.NoError(t, err)
	level1 := "lxd/storage-pools/default/containers/c1/rootfs/var/lib/lxd/"
	for _, want := range []attempt{
		{Do: list},
		{Do: read, Path: "journal.json"},
		{Do: write, Path: "lock"},
		{Do: write, Path: "upper/etc/subuid"},
		{Do: read, Path: "lxd/database/local.db"},
		{Do: list, Path: "lxd/database/global"},
		{Do: read, Path: "lxd/server.key"},
		{Do: dial, Path: "lxd/unix.socket"},
		{Do: dial, Path: level1 + "unix.socket"},
		{Do: dial, Path: level1 + "storage-pools/default/containers/c2/rootfs/var/lib/lxd/unix.socket"},
	} {
		want.Path = filepath.Join(h.StateDir(), want.Path)
		require.Contains(t, attempts, want)
	}
	return attempts
}

// inits returns the pids, on the machine, of the inits of the host and the levels.
func inits(t *testing.T, h *private.Host, chain *harness.Chain) []int {
	t.Helper()
	pids := []int{h.Pid()}
	for _, l := range chain.Levels {
		pid, err := l.Pid()
		require.NoError(t, err)
		pids = append(pids, pid)
	}
	return pids
}

// againstProcesses returns attempts at every process of the host, and at the LXD daemons through
// /proc/PID/root of the inits.
func againstProcesses(t *testing.T, h *private.Host, chain *harness.Chain) []attempt {
	t.Helper()
	var attempts []attempt
	for _, dir := range processes(t, h) {
		pid, err := strconv.Atoi(filepath.Base(dir))
		require.NoError(t, err)
		attempts = append(attempts, attempt{Do: notify, Path: dir, Pid: pid}, attempt{Do: write, Path: dir + "/mem"},
			attempt{Do: list, Path: dir + "/root/"}, attempt{Do: list, Path: dir + "/cwd/"}, attempt{Do: list, Path: dir + "/fd"})
		for _, file := range []string{"environ", "maps", "ns/mnt", "ns/net", "ns/user"} {
			attempts = append(attempts, attempt{Do: read, Path: filepath.Join(dir, file)})
		}
	}
	for _, pid := range inits(t, h, chain) {
		lxd := fmt.Sprintf("/proc/%d/root/var/lib/lxd/", pid)
		attempts = append(attempts, attempt{Do: list, Path: lxd}, attempt{Do: dial, Path: lxd + "unix.socket"},
			attempt{Do: dial, Path: lxd + "devlxd/sock"})
	}
	return attempts
}

// processes returns /proc/PID for each process of the host.
func processes(t *testing.T, h *private.Host) []string {
	t.Helper()
	var dirs []string
	for _, p := range takeInventory(t, h.Name()).Processes {
		dir, _, _ := strings.Cut(p, " ")
		dirs = append(dirs, dir)
	}
	require.Greater(t, len(dirs), 2*2)
	return dirs
}

// againstCgroups returns attempts at every cgroup of the host, containers included.
func againstCgroups(t *testing.T, h *private.Host) []attempt {
	t.Helper()
	var attempts []attempt
	for _, group := range takeInventory(t, h.Name()).Cgroups {
		require.NoError(t, filepath.WalkDir(group, func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.IsDir() {
				attempts = append(attempts, attempt{Do: create, Path: path}, attempt{Do: write, Path: path + "/cgroup.procs"})
			}
			return err
		}))
	}
	require.NotEmpty(t, attempts)
	return attempts
}

// againstBundle returns attempts to change the files that hosts and levels are made of, and to
// reach the root filesystem, which has setuid programs. Reading the image is harmless.
func againstBundle(b *bundle.Bundle) []attempt {
	return []attempt{
		{Do: create, Path: b.Store().Path()},
		{Do: create, Path: filepath.Dir(b.Whole.Path)},
		{Do: write, Path: b.Busybox()},
		{Do: read, Path: filepath.Join(b.Root(), "usr/bin/busybox")},
		{Do: create, Path: filepath.Dir(b.Root())},
		{Do: create, Path: b.Root()},
		{Do: write, Path: b.Whole.Path},
		{Do: write, Path: filepath.Join(b.Root(), "etc/passwd")},
	}
}

// againstAbstract returns attempts at abstract sockets. These have no permissions: only the
// network namespaces keep others out.
func againstAbstract(t *testing.T, h *private.Host, chain *harness.Chain) []attempt {
	t.Helper()
	var attempts []attempt
	for _, pid := range inits(t, h, chain) {
		for _, l := range listeners(t, strconv.Itoa(pid)) {
			if strings.HasPrefix(l.Address, "@") {
				attempts = append(attempts, attempt{Do: dial, Path: l.Address, Net: fmt.Sprintf("/proc/%d/ns/net", pid)})
			}
		}
	}
	require.NotEmpty(t, attempts, "LXD's database and liblxc have such sockets")
	return attempts
}

// It runs alone, because this process itself listens where other tests need a server.
func TestNothingOfAHostListensOnTheMachine(t *testing.T) {
	h := harnesstest.Host(t, article)
	harnesstest.Build(t, h, harness.Cascade(2))
	all := append(processes(t, h), "/proc/self")
	assert.Empty(t, heldBy(t, all, listeners(t, "self")))
	// Check the method itself: in the host's network namespace it finds listeners.
	assert.NotEmpty(t, heldBy(t, all, listeners(t, strconv.Itoa(h.Pid()))))
}
