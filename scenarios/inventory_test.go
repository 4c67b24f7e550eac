package scenarios_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/wait"
)

// belongings lists what one host has on the machine. Others are listening sockets, files, AppArmor
// profiles and leaked loop devices.
type belongings struct{ Processes, Mounts, Cgroups, State, Others []string }

// empty reports whether the host has nothing.
func (i belongings) empty() bool {
	return len(i.Processes)+len(i.Mounts)+len(i.Cgroups)+len(i.State)+len(i.Others) == 0
}

// takeInventory finds everything with the host's name. The host's processes are those in its
// cgroups, containers included.
func takeInventory(t *testing.T, name string) belongings {
	t.Helper()
	var inv belongings
	mounts, err := mountinfo.GetMounts(nil)
	require.NoError(t, err)
	for _, m := range mounts {
		if strings.Contains(m.Mountpoint, name) || strings.Contains(m.Root, name) {
			inv.Mounts = append(inv.Mounts, m.Mountpoint)
		}
		if strings.HasPrefix(m.FSType, "cgroup") {
			group := filepath.Join(m.Mountpoint, "nestbed-"+name)
			if _, err := os.Stat(group); err == nil {
				inv.Cgroups = append(inv.Cgroups, group)
			}
		}
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	require.NoError(t, err)
	for _, dir := range processes {
		// A process may end meanwhile; a zombie does not count.
		group, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		if err != nil || !strings.Contains(string(group), "nestbed-"+name) {
			continue
		}
		if status, err := os.ReadFile(filepath.Join(dir, "status")); err == nil && !strings.Contains(string(status), "(zombie)") {
			command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
			inv.Processes = append(inv.Processes, dir+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	if _, err := os.Stat(filepath.Join(stateRoot().Path(), name)); err == nil {
		inv.State = append(inv.State, name)
	}
	others := traces{}
	for _, look := range []func(traces, func(string) bool) error{socketTraces, fileTraces, profileTraces, loopTraces} {
		require.NoError(t, look(others, func(text string) bool { return !strings.Contains(text, name) }))
	}
	for trace := range others {
		if trace != "file "+filepath.Join(stateRoot().Path(), name) {
			inv.Others = append(inv.Others, trace)
		}
	}
	slices.Sort(inv.Cgroups)
	inv.Cgroups = slices.Compact(inv.Cgroups)
	return inv
}

// stateRoot returns the state root of the tests' hosts.
func stateRoot() private.StateRoot { return private.StateRoot{Dir: os.Getenv(environment.State)} }

// hostsOf returns the names of the hosts that a run has, or left when it ended.
func hostsOf(t *testing.T, pid int) (names []string) {
	t.Helper()
	hosts, err := stateRoot().Leftovers()
	require.NoError(t, err)
	for _, h := range hosts {
		if h.Pid == pid {
			names = append(names, h.Name)
		}
	}
	return names
}

// requireReaped waits until nothing runs on the hosts that a run left, and requires that a reap
// removes them.
func requireReaped(t *testing.T, names []string) {
	t.Helper()
	for _, name := range names {
		requireNoProcess(t, name) // the kernel ends them
	}
	_, err := stateRoot().Reap(harnesstest.Context(t))
	require.NoError(t, err)
	for _, name := range names {
		requireCleared(t, name)
	}
}

// requireNoProcess waits until no process runs on the host.
func requireNoProcess(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for the last process to end", tracesBudget, func(context.Context) error {
		if p := takeInventory(t, name).Processes; len(p) > 0 {
			return fmt.Errorf("these run: %q", p)
		}
		return nil
	}))
}

// assertNothingLeft asserts that nothing of the host is left.
func assertNothingLeft(t *testing.T, name string) {
	t.Helper()
	left := takeInventory(t, name)
	assert.True(t, left.empty(), "these are left: %v", left)
}

// requireCleared waits, after a reap, until nothing of the host is left. It waits because another
// run may have started to remove it earlier.
func requireCleared(t *testing.T, name string) {
	t.Helper()
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for another run to remove it", tracesBudget, func(context.Context) error {
		if left := takeInventory(t, name); !left.empty() {
			return fmt.Errorf("these are left: %v", left)
		}
		return nil
	}))
}

func TestAClosedHostLeavesNoProcessMountCgroupOrState(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(2))
	require.NoError(t, err)

	// First check the inventory itself: one that looks in the wrong place would always be empty.
	before := takeInventory(t, h.Name())
	assert.Greater(t, len(before.Processes), 2*2, "init and LXD of two levels and of the host")
	assert.NotEmpty(t, before.Cgroups)
	assert.NotEmpty(t, before.State)
	assert.Empty(t, before.Mounts, "the machine sees none of the host's mounts")

	require.NoError(t, h.Close(harnesstest.Context(t)))
	require.NoError(t, chain.Close(harnesstest.Context(t)))
	assert.Equal(t, belongings{}, takeInventory(t, h.Name()))
}

// article is the allocation of the article: 196608 ids for three levels.
var article = idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 196608})

func TestAClosedChainLeavesItsHostReadyForTheNext(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	for depth := range 2 {
		chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(depth+1))
		require.NoError(t, err)
		require.NoError(t, chain.Close(harnesstest.Context(t)))
		names, err := h.LXD().GetInstanceNames("container")
		require.NoError(t, err)
		assert.Empty(t, names, "after a chain of depth %d", depth+1)
	}
}

func TestALevelThatDidNotStartIsRemovedWhileLXDStillCleansUp(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, idmap.Delegation{}) // LXD picks ids that the host does not have
	chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(1))
	var stopped *harness.LevelError
	require.ErrorAs(t, err, &stopped)
	require.NoError(t, chain.Close(harnesstest.Context(t)))
}
