package private

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestATruncatedJournalIsRecognized(t *testing.T) {
	root := stateRoot(t)
	left := deadDir(t, root, "")
	path := filepath.Join(left.path, journalName)
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for n := range whole {
		require.NoError(t, os.WriteFile(path, whole[:n], 0o600))
		_, err := readJournal(left.path)
		require.ErrorIs(t, err, errTruncated, "at byte %d", n)
	}
}

func TestAHostWithATruncatedJournalIsReaped(t *testing.T) {
	root := stateRoot(t)
	for _, dir := range []string{"", filepath.Join(t.TempDir(), "given")} {
		for _, n := range []int64{0, 1, 200} {
			left := deadDir(t, root, dir)
			require.NoError(t, os.Truncate(filepath.Join(left.path, journalName), n))
			cleared, err := root.Reap(t.Context())
			require.NoError(t, err, "cut at byte %d", n)
			require.Len(t, cleared, 1, "cut at byte %d", n)
			require.Equal(t, left.journal.Name, cleared[0].Name)
			require.Equal(t, left.path, cleared[0].Path)
			require.NoDirExists(t, left.path)
			require.Equal(t, []string{root.Dir}, listTree(t, root.Dir), "cut at byte %d", n)
		}
	}
}

func TestATruncatedJournalOfARunningHostIsLeftAlone(t *testing.T) {
	root := stateRoot(t)
	s := claimDir(t, root, "")
	path := filepath.Join(s.path, journalName)
	require.NoError(t, os.Truncate(path, 20))
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	require.Empty(t, cleared)
	require.DirExists(t, s.path)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Len(t, text, 20)
}

func TestLeftoversOfAKilledClaimAreReaped(t *testing.T) {
	root := stateRoot(t)
	for name, leave := range map[string]func(dir string) error{
		"nothing":                    func(string) error { return nil },
		"a lock":                     func(dir string) error { return os.WriteFile(filepath.Join(dir, lockName), nil, 0o600) },
		"a lock and half a journal":  func(dir string) error { return put(dir, lockName, "."+journalName+"123") },
		"a lock and a whole journal": func(dir string) error { return put(dir, lockName, journalName) },
	} {
		for _, parent := range []string{root.Dir, root.memory} {
			prefix := map[string]string{root.Dir: newPrefix, root.memory: memoryPrefix}[parent]
			if parent == root.memory && name == "a lock and a whole journal" {
				continue // that is a complete host
			}
			dir := filepath.Join(parent, prefix+"1")
			require.NoError(t, os.Mkdir(dir, 0o700))
			require.NoError(t, leave(dir))
			_, err := root.Reap(t.Context())
			require.NoError(t, err, "%s: %s", dir, name)
			assert.NoDirExists(t, dir, name)
		}
	}
}

func put(dir string, names ...string) error {
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func TestFilesOfOthersAreNotReaped(t *testing.T) {
	root := stateRoot(t)
	require.NoError(t, os.MkdirAll(filepath.Join(root.Dir, newPrefix+"thesis", "chapters"), 0o700))
	_, err := root.Reap(t.Context())
	require.ErrorContains(t, err, "directory not empty")
	require.DirExists(t, filepath.Join(root.Dir, newPrefix+"thesis", "chapters"))

	open := filepath.Join(root.memory, memoryPrefix+"1")
	require.NoError(t, os.Mkdir(open, 0o755)) // ours have mode 0700
	require.NoError(t, os.RemoveAll(filepath.Join(root.Dir, newPrefix+"thesis")))
	_, err = root.Reap(t.Context())
	require.NoError(t, err)
	require.DirExists(t, open)
}

func TestAHostInMemoryIsReapedWithoutItsStateRoot(t *testing.T) {
	gone := stateRoot(t)
	root := StateRoot{Dir: t.TempDir(), memory: gone.memory}
	dir := filepath.Join(root.memory, memoryPrefix+"1")
	require.NoError(t, os.Mkdir(dir, 0o700))
	left := deadDir(t, gone, dir)
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	require.Empty(t, cleared, "the other root still has its entry")

	require.NoError(t, os.RemoveAll(gone.Dir))
	cleared, err = root.Reap(t.Context())
	require.NoError(t, err)
	require.Len(t, cleared, 1)
	require.Equal(t, left.path, cleared[0].Path)
	require.NoDirExists(t, dir)
}

func TestAHostInMemoryOfALiveMountNamespaceIsNotReaped(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, for a mount namespace")
	}
	gone := stateRoot(t)
	root := StateRoot{Dir: t.TempDir(), memory: gone.memory}
	dir := filepath.Join(root.memory, memoryPrefix+"1")
	require.NoError(t, os.Mkdir(dir, 0o700))
	left := deadDir(t, gone, dir)
	require.NoError(t, os.RemoveAll(gone.Dir))

	there := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", "echo; exec cat")
	in, err := there.StdinPipe()
	require.NoError(t, err)
	out, err := there.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, there.Start())
	_, err = io.ReadFull(out, make([]byte, 1))
	require.NoError(t, err)
	left.journal.Mounts, err = mountNamespace(strconv.Itoa(there.Process.Pid))
	require.NoError(t, err)
	require.NoError(t, left.write())
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	require.Empty(t, cleared)
	require.DirExists(t, dir)

	require.NoError(t, in.Close())
	require.NoError(t, there.Wait())
	cleared, err = root.Reap(t.Context())
	require.NoError(t, err)
	if pids, err := os.Readlink("/proc/self/ns/pid"); err != nil || pids != "pid:[4026531836]" {
		require.Empty(t, cleared, "not all processes are visible from here")
		require.NoError(t, root.End(t.Context(), dir))
	} else {
		require.Len(t, cleared, 1, "no process is left there")
	}
	require.NoDirExists(t, dir)
}

func TestAClaimedDirectoryThatAReapRemovedFirstIsNoErrorToItsOwner(t *testing.T) {
	root := stateRoot(t)
	s, err := root.claim(t.Context(), "")
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(s.path))
	require.NoError(t, s.remove())
}

func TestADirectoryWithoutALockIsRemovedOnlyIfItIsEmpty(t *testing.T) {
	for name, stays := range map[string]bool{"": false, lockName: true, "foreign": true} {
		dir := filepath.Join(t.TempDir(), "new-1")
		require.NoError(t, removeUnlocked(dir), "it is gone already")
		require.NoError(t, os.Mkdir(dir, 0o700))
		if name != "" {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o600))
		}
		err := removeUnlocked(dir)
		assert.Equal(t, name == "foreign", err != nil, "%q: %v", name, err)
		_, err = os.Stat(dir)
		assert.Equal(t, stays, err == nil, "%q: %v", name, err)
	}
}

func TestClaimsAndReapsDoNotInterfere(t *testing.T) {
	root := stateRoot(t)
	claimDir(t, root, "")
	done := make(chan struct{})
	var reaping sync.WaitGroup
	for range 3 {
		reaping.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					_, err := root.Reap(context.Background())
					assert.NoError(t, err)
				}
			}
		})
	}
	for range rounds(200) {
		s, err := root.claim(t.Context(), "")
		require.NoError(t, err)
		_, err = readJournal(s.path)
		require.NoError(t, err, "the journal of a live host")
		require.NoError(t, s.remove())
	}
	close(done)
	reaping.Wait()
	assert.Len(t, listTree(t, root.Dir), 4, "root, and the first claim with lock and journal")
}
