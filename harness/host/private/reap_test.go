package private

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
	"nestbed/harness/internal/cgroup"
)

// leftover returns the Leftover that lists a state directory of this process.
func leftover(s *stateDir) Leftover {
	return Leftover{Path: s.path, Name: s.journal.Name, Pid: os.Getpid(), Command: strings.Join(os.Args, " "), groups: s.journal.Cgroups}
}

func TestWithoutAStateRootThereIsNothingToReap(t *testing.T) {
	root := StateRoot{Dir: filepath.Join(t.TempDir(), "never-made"), memory: t.TempDir()}
	all, err := root.Leftovers()
	require.NoError(t, err)
	assert.Empty(t, all)
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	assert.Empty(t, cleared)
}

func TestADeadHostIsListedAndReapedWhereverItsDirectoryIs(t *testing.T) {
	for name, dir := range map[string]string{"under the state root": "", "elsewhere": filepath.Join(t.TempDir(), "given")} {
		t.Run(name, func(t *testing.T) {
			root := stateRoot(t)
			s := deadDir(t, root, dir)
			before := append(listTree(t, root.Dir), listTree(t, s.path)...)
			for range 2 {
				all, err := root.Leftovers()
				require.NoError(t, err)
				assert.Equal(t, []Leftover{leftover(s)}, all)
			}
			assert.Equal(t, before, append(listTree(t, root.Dir), listTree(t, s.path)...), "listing changes nothing")

			cleared, err := root.Reap(t.Context())
			require.NoError(t, err)
			assert.Equal(t, []Leftover{leftover(s)}, cleared)
			assert.NoDirExists(t, s.path)
			assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir))
			cleared, err = root.Reap(t.Context())
			require.NoError(t, err)
			assert.Empty(t, cleared)
		})
	}
}

func TestALiveHostIsListedAndLeftAlone(t *testing.T) {
	root, given := stateRoot(t), t.TempDir()
	running, kept, elsewhere := claimDir(t, root, ""), claimDir(t, root, ""), claimDir(t, root, given) // locked until the test ends
	require.NoError(t, kept.keep())
	gone := deadDir(t, root, "")
	all, err := root.Leftovers()
	require.NoError(t, err)
	var want []Leftover
	for _, s := range []*stateDir{running, kept, elsewhere} {
		l := leftover(s)
		l.Live, l.Kept = true, s == kept
		want = append(want, l)
	}
	assert.ElementsMatch(t, append(want, leftover(gone)), all)

	began := time.Now()
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	assert.Less(t, time.Since(began), cgroup.EmptyBudget, "Reap does not wait for a live host")
	assert.Equal(t, []Leftover{leftover(gone)}, cleared)
	for _, s := range []*stateDir{running, kept, elsewhere} {
		j, err := readJournal(filepath.Join(root.Dir, s.journal.Name))
		require.NoError(t, err)
		assert.Equal(t, s.journal, j)
	}
}

func TestAKeptHostThatDiedIsReapedLikeAnyOther(t *testing.T) {
	root := stateRoot(t)
	s := claimDir(t, root, "")
	require.NoError(t, s.keep())
	require.NoError(t, s.release())
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	require.Len(t, cleared, 1)
	assert.True(t, cleared[0].Kept)
	assert.False(t, cleared[0].Live)
	assert.NoDirExists(t, s.path)
}

func TestADirectoryWithoutAJournalIsNotAHost(t *testing.T) {
	root := stateRoot(t)
	photos, empty := filepath.Join(root.Dir, "photos"), filepath.Join(root.Dir, "empty")
	require.NoError(t, os.MkdirAll(filepath.Join(photos, "2015"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(photos, lockName), nil, 0o600))
	require.NoError(t, os.Mkdir(empty, 0o700))
	before := listTree(t, root.Dir)
	gone := deadDir(t, root, "")
	cleared, err := root.Reap(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []Leftover{leftover(gone)}, cleared)
	assert.Equal(t, before, listTree(t, root.Dir))
}

func TestReapRemovesTheCgroupsThatTheJournalNames(t *testing.T) {
	root := stateRoot(t)
	groups := t.TempDir()
	s := claimDir(t, root, "")
	// Plain directories, which are removed like cgroups. One of them is gone already.
	own := "nestbed-" + s.journal.Name
	s.journal.Cgroups = []string{filepath.Join(groups, "v1", own), filepath.Join(groups, "v2", own), filepath.Join(groups, "gone", own)}
	require.NoError(t, os.MkdirAll(filepath.Join(groups, "v1", own, "lxc.payload.c1/inner"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(groups, "v2", own), 0o700))
	require.NoError(t, s.write())
	require.NoError(t, s.release())
	_, err := root.Reap(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{groups, filepath.Join(groups, "v1"), filepath.Join(groups, "v2")}, listTree(t, groups))
	assert.NoDirExists(t, s.path)
}

func TestAKilledHostIsEndedByNameAndByDirectory(t *testing.T) {
	root, elsewhere := stateRoot(t), filepath.Join(t.TempDir(), "given")
	for _, dir := range []string{"", elsewhere} {
		for name, of := range map[string]func(*stateDir) string{
			"by name":      func(s *stateDir) string { return s.journal.Name },
			"by directory": func(s *stateDir) string { return s.path },
		} {
			s := deadDir(t, root, dir)
			require.NoError(t, root.End(t.Context(), of(s)), "%s, %q", name, dir)
			assert.NoDirExists(t, s.path)
			assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir))
		}
	}
}

func TestAHostThatBelongsToARunningProcessIsNotEnded(t *testing.T) {
	root := stateRoot(t)
	s := claimDir(t, root, "")
	before := listTree(t, s.path)
	err := root.End(t.Context(), s.journal.Name)
	require.ErrorIs(t, err, host.ErrBusy)
	require.EqualError(t, err, fmt.Sprintf("host %s: in use by process %d (%s); end that process",
		s.journal.Name, os.Getpid(), strings.Join(os.Args, " ")))
	assert.Equal(t, before, listTree(t, s.path))
}

func TestAnUnknownNameIsRefused(t *testing.T) {
	root := stateRoot(t)
	foreign := filepath.Join(root.Dir, "photos")
	require.NoError(t, os.Mkdir(foreign, 0o700))
	t.Chdir(root.Dir)
	for _, name := range []string{"nobody", "photos", foreign, "./photos"} {
		err := root.End(t.Context(), name)
		require.ErrorIs(t, err, os.ErrNotExist, name)
		require.ErrorContains(t, err, "host "+name+": no journal of nestbed: ")
		require.ErrorIs(t, err, ErrUnknown, name)
	}
	assert.Equal(t, []string{foreign}, listTree(t, foreign))
}

func TestAFileUnderTheStateRootDoesNotKeepTheOthersFromBeingReaped(t *testing.T) {
	root := stateRoot(t)
	gone := deadDir(t, root, "")
	require.NoError(t, os.WriteFile(filepath.Join(root.Dir, "README"), nil, 0o600))
	_, err := root.Reap(t.Context())
	require.NoError(t, err)
	assert.NoDirExists(t, gone.path)
}

func TestOneUnreadableJournalDoesNotKeepTheOthersFromBeingReaped(t *testing.T) {
	root := stateRoot(t)
	gone := deadDir(t, root, "")
	require.NoError(t, os.Mkdir(filepath.Join(root.Dir, "a-foreign"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(root.Dir, "a-foreign", journalName), []byte("Dear diary"), 0o600))
	cleared, _ := root.Reap(t.Context()) // it may return an error
	assert.Len(t, cleared, 1)
	assert.NoDirExists(t, gone.path)
}

func TestAnEntryWhoseDirectoryWasRemovedIsReaped(t *testing.T) {
	root := stateRoot(t)
	s := deadDir(t, root, filepath.Join(t.TempDir(), "given"))
	require.NoError(t, os.RemoveAll(s.path))
	_, err := root.Reap(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir))
}

func TestAHostIsEndedByItsDirectoryUnderAnotherStateRoot(t *testing.T) {
	root := stateRoot(t)
	s := deadDir(t, root, filepath.Join(t.TempDir(), "given"))
	other := stateRoot(t) // as with sudo, which drops NESTBED_STATE
	require.NoError(t, other.End(t.Context(), s.path))
	assert.NoDirExists(t, s.path)
}
