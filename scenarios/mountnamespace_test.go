package scenarios_test

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
)

// likeAContainer is a script that runs the program $0 at once, and again after a line of input.
// The program has a private state root, but shares the machine's cgroups and memory.
const likeAContainer = `mkdir -p /var/lib/nestbed && mount -t tmpfs -o mode=0700 tmpfs /var/lib/nestbed && "$0" </dev/null && read -r _ && "$0" </dev/null`

func TestAHostOfAnotherMountNamespaceIsLeftToTheRunsThere(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	harnesstest.Bundle(t, source)
	child := childOrder{Source: source.String(), Depth: 1, InMemory: true, Keep: true}.command(t)
	there := exec.CommandContext(harnesstest.Context(t), "unshare", "--mount", "sh", "-c", likeAContainer, child.Path)
	there.Env = slices.DeleteFunc(child.Env, func(v string) bool {
		return strings.HasPrefix(v, environment.State+"=") || strings.HasPrefix(v, tiedEnv+"=") // the shell itself ends with its input
	})
	there.Stderr = os.Stderr
	in, err := there.StdinPipe()
	require.NoError(t, err)
	out, err := there.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, there.Start())
	t.Cleanup(func() { _ = there.Wait() }) // if the test has failed
	lines := bufio.NewReader(out)
	first := keptInMemory(t, lines)
	requireLeftAlone(t, first)
	first.kill(t)
	requireNoProcess(t, first.Name)
	requireLeftAlone(t, first)

	// The next run there clears it.
	_, err = in.Write([]byte("\n"))
	require.NoError(t, err)
	second := keptInMemory(t, lines)
	require.NoError(t, there.Wait())
	assertNothingLeft(t, first.Name)
	assert.NoDirExists(t, first.dir)

	// The mount namespace has ended, and this run may have another pid namespace than the machine.
	second.kill(t)
	requireNoProcess(t, second.Name)
	_, err = stateRoot().Reap(harnesstest.Context(t))
	require.NoError(t, err)
	if pids, err := os.Readlink("/proc/self/ns/pid"); err != nil || pids != "pid:[4026531836]" {
		require.NoError(t, stateRoot().End(harnesstest.Context(t), second.dir))
	}
	requireCleared(t, second.Name)
	assert.NoDirExists(t, second.dir)
}

// An inMemory is the journal of a host whose state is in memory.
type inMemory struct {
	Name  string
	Stage int
	dir   string
}

// keptInMemory reads the name of a host and finds its state.
func keptInMemory(t *testing.T, lines *bufio.Reader) (h inMemory) {
	t.Helper()
	name, err := lines.ReadString('\n')
	require.NoError(t, err)
	name = strings.TrimSpace(name)
	dirs, err := filepath.Glob("/dev/shm/nestbed-*")
	require.NoError(t, err)
	for _, h.dir = range dirs {
		text, err := os.ReadFile(filepath.Join(h.dir, "journal.json"))
		if err == nil && json.Unmarshal(text, &h) == nil && h.Name == name {
			t.Cleanup(func() { _ = stateRoot().End(context.Background(), h.dir) }) // if the test has failed
			return h
		}
	}
	t.Skipf("host %s: this machine has no room for state in memory", name)
	return h
}

// kill kills the first process of the host, and with it all others.
func (h inMemory) kill(t *testing.T) {
	t.Helper()
	require.NoError(t, unix.Kill(h.Stage, unix.SIGKILL))
}

// requireLeftAlone requires that a reap neither lists the host nor removes anything of it.
func requireLeftAlone(t *testing.T, h inMemory) {
	t.Helper()
	before := takeInventory(t, h.Name)
	require.NotEmpty(t, before.Cgroups)
	cleared, err := stateRoot().Reap(harnesstest.Context(t))
	require.NoError(t, err)
	all, err := stateRoot().Leftovers()
	require.NoError(t, err)
	for _, l := range append(all, cleared...) {
		require.NotEqual(t, h.Name, l.Name)
	}
	require.DirExists(t, h.dir)
	require.Equal(t, before.Cgroups, takeInventory(t, h.Name).Cgroups)
}
