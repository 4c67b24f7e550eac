package private

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
	"nestbed/harness/internal/cgroup"
)

// stateRoot returns a StateRoot of new directories.
func stateRoot(t *testing.T) StateRoot {
	t.Helper()
	return StateRoot{Dir: t.TempDir(), memory: t.TempDir()}
}

// rounds returns how often to repeat a test that depends on timing: n times, or n/10 with -short.
func rounds(n int) int {
	if testing.Short() {
		return n / 10
	}
	return n
}

func needsCgroups(t *testing.T) {
	t.Helper()
	if layout, err := cgroup.Layout(); err != nil || layout == "none" {
		t.Skip("no cgroup hierarchy is mounted")
	}
}

// claimDir returns a state directory that this process holds, without anything else of a host.
func claimDir(t *testing.T, root StateRoot, dir string) *stateDir {
	t.Helper()
	require.NotEqual(t, StateRoot{}.Path(), root.Path(), "tests must not use the default state root")
	needsCgroups(t)
	s, err := root.claim(t.Context(), dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.release() }) // fails if the test has released it
	return s
}

// deadDir returns the state directory of a killed host: it is full, and its lock is free.
func deadDir(t *testing.T, root StateRoot, dir string) *stateDir {
	t.Helper()
	s := claimDir(t, root, dir)
	require.NoError(t, os.MkdirAll(filepath.Join(s.path, lxdName, "containers/c1"), 0o700))
	require.NoError(t, os.MkdirAll(filepath.Join(s.path, upperName, "etc"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(s.path, upperName, "etc/subuid"), nil, 0o600))
	require.NoError(t, s.release())
	return s
}

// listTree returns the paths of everything in a directory. It does not follow symlinks.
func listTree(t *testing.T, dir string) []string {
	t.Helper()
	var paths []string
	require.NoError(t, filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		paths = append(paths, path)
		return err
	}))
	return paths
}

func TestTheStateRootIsTheUsersOrTheDefault(t *testing.T) {
	assert.Equal(t, "/var/lib/nestbed", StateRoot{}.Path())
	assert.Equal(t, "/srv/state", StateRoot{Dir: "/srv/state"}.Path())
	dir := t.TempDir()
	t.Chdir(dir)
	assert.Equal(t, filepath.Join(dir, "state"), StateRoot{Dir: "state"}.Path())
}

func TestAHostGetsANewPrivateDirectoryUnderTheStateRoot(t *testing.T) {
	root := StateRoot{Dir: filepath.Join(t.TempDir(), "not", "there", "yet")}
	one, other := claimDir(t, root, ""), claimDir(t, root, "")
	assert.NotEqual(t, one.path, other.path)
	for _, s := range []*stateDir{one, other} {
		assert.Equal(t, filepath.Join(root.Dir, s.journal.Name), s.path)
		info, err := os.Lstat(s.path)
		require.NoError(t, err)
		assert.Equal(t, os.ModeDir|0o700, info.Mode())
	}
}

func TestAGivenDirectoryIsRegisteredUnderTheStateRoot(t *testing.T) {
	root, dir := stateRoot(t), filepath.Join(t.TempDir(), "given")
	s := claimDir(t, root, dir)
	assert.Equal(t, dir, s.path)
	target, err := os.Readlink(filepath.Join(root.Dir, s.journal.Name))
	require.NoError(t, err)
	assert.Equal(t, dir, target)

	require.NoError(t, os.MkdirAll(filepath.Join(dir, upperName, "etc"), 0o700))
	require.NoError(t, s.remove())
	assert.NoDirExists(t, dir)
	assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir), "its entry is removed, too")
}

func TestARelativeDirectoryIsRegisteredByItsAbsolutePath(t *testing.T) {
	root, dir := stateRoot(t), t.TempDir()
	t.Chdir(dir)
	s := claimDir(t, root, "state")
	assert.Equal(t, filepath.Join(dir, "state"), s.path)
	target, err := os.Readlink(filepath.Join(root.Dir, s.journal.Name))
	require.NoError(t, err)
	assert.Equal(t, s.path, target)
}

func TestHostsInDirectoriesOfTheSameNameHaveDifferentNames(t *testing.T) {
	root := stateRoot(t)
	one, other := claimDir(t, root, filepath.Join(t.TempDir(), "state")), claimDir(t, root, filepath.Join(t.TempDir(), "state"))
	assert.NotEqual(t, one.journal.Name, other.journal.Name)
	assert.NotEqual(t, one.journal.Cgroups, other.journal.Cgroups)
}

func TestTheJournalIsWrittenFirstAndReadsBack(t *testing.T) {
	root := stateRoot(t)
	began := time.Now()
	s := claimDir(t, root, "")
	assert.Equal(t, []string{s.path, filepath.Join(s.path, "journal.json"), filepath.Join(s.path, "lock")}, listTree(t, s.path))
	j, err := readJournal(s.path)
	require.NoError(t, err)
	assert.Equal(t, s.journal, j)
	assert.Equal(t, os.Getpid(), j.Pid)
	assert.Equal(t, strings.Join(os.Args, " "), j.Command)
	assert.WithinRange(t, j.Created, began, time.Now())
	assert.False(t, j.Kept)
	assert.Zero(t, j.Stage)
	assert.NotEmpty(t, j.Cgroups)
	for _, group := range j.Cgroups {
		assert.Equal(t, "nestbed-"+j.Name, filepath.Base(group), "recognizable among the machine's cgroups")
		assert.NoDirExists(t, group, "named, but not made yet")
	}
}

func TestTheJournalRecordsThatAHostIsKept(t *testing.T) {
	root := stateRoot(t)
	s := claimDir(t, root, "")
	before := listTree(t, s.path)
	s.journal.Stage = 4711
	require.NoError(t, s.keep())
	j, err := readJournal(s.path)
	require.NoError(t, err)
	assert.True(t, j.Kept)
	assert.Equal(t, s.journal, j)
	assert.Equal(t, before, listTree(t, s.path), "the journal is replaced without leaving a temporary file")
}

func TestAFileThatNoHostWroteIsNotAJournal(t *testing.T) {
	for text, want := range map[string]string{
		"Dear diary":                      "invalid character",
		"[]":                              "cannot unmarshal",
		"{}":                              `read name "", expected the name of a host`,
		`{"name":".."}`:                   `read name "..", expected the name of a host`,
		`{"name":"a","entry":"/b"}`:       `the entry is "/b", expected one named a`,
		`{"name":"a","entry":"a"}`:        `the entry is "a", expected one named a`,
		`{"name":"a","entry":"/s/../a"}`:  `the entry is "/s/../a", expected one named a`,
		`{"name":"../../etc"}`:            `read name "../../etc", expected the name of a host`,
		`{"name":"a","cgroups":["/"]}`:    `the cgroup is "/", expected one named nestbed-a`,
		`{"name":"a","cgroups":["/s/a"]}`: `the cgroup is "/s/a", expected one named nestbed-a`,
		`{"name":"a","cgroups":["/s/../nestbed-a"]}`:                `the cgroup is "/s/../nestbed-a", expected one named nestbed-a`,
		`{"name":"a","cgroups":["/s/nestbed-a","/s/nestbed-a/.."]}`: `the cgroup is "/s/nestbed-a/..", expected one named nestbed-a`,
	} {
		path := filepath.Join(t.TempDir(), journalName)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := readJournal(filepath.Dir(path))
		require.ErrorContains(t, err, path+": ")
		assert.ErrorContains(t, err, want)
	}
}

func TestADirectoryInUseIsRefusedAndItsUserNamed(t *testing.T) {
	root, dir := stateRoot(t), filepath.Join(t.TempDir(), "busy")
	claimDir(t, root, dir)
	before, entries := listTree(t, dir), listTree(t, root.Dir)
	for _, given := range []string{dir, filepath.Join(dir, "..", "busy")} {
		_, err := root.claim(t.Context(), given)
		require.ErrorIs(t, err, host.ErrBusy)
		require.EqualError(t, err, fmt.Sprintf("state directory %s: in use by process %d (%s); name another one or wait",
			dir, os.Getpid(), strings.Join(os.Args, " ")))
	}
	assert.Equal(t, before, listTree(t, dir), "the owner's files are unchanged")
	assert.Equal(t, entries, listTree(t, root.Dir), "the refused run leaves no entry")
}

func TestADirectoryWithForeignContentIsRefusedAndLeftAlone(t *testing.T) {
	root := stateRoot(t)
	for name, put := range map[string]func(dir string) error{
		"a file":             func(dir string) error { return os.WriteFile(filepath.Join(dir, "thesis.tex"), nil, 0o600) },
		"an empty directory": func(dir string) error { return os.Mkdir(filepath.Join(dir, "photos"), 0o700) },
		"another file with the name of the journal": func(dir string) error { return os.WriteFile(filepath.Join(dir, journalName), []byte("x"), 0o600) },
		"another file with the name of the lock":    func(dir string) error { return os.WriteFile(filepath.Join(dir, lockName), nil, 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, put(dir))
			before := listTree(t, dir)
			_, err := root.claim(t.Context(), dir)
			require.EqualError(t, err, "state directory "+dir+
				": not empty, and has no journal of nestbed; name an empty or new directory")
			assert.Equal(t, before, listTree(t, dir))
			assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir))
		})
	}
}

func TestADirectoryLeftByADeadHostIsClearedAndUsed(t *testing.T) {
	root := stateRoot(t)
	left := deadDir(t, root, filepath.Join(t.TempDir(), "left"))
	s := claimDir(t, root, left.path)
	assert.NotEqual(t, left.journal.Name, s.journal.Name)
	assert.Equal(t, []string{s.path, filepath.Join(s.path, journalName), filepath.Join(s.path, lockName)}, listTree(t, s.path))
	assert.Equal(t, []string{root.Dir, filepath.Join(root.Dir, s.journal.Name)}, listTree(t, root.Dir))
}

func TestFilesOfOthersInAHostsDirectoryStayAndAreAnError(t *testing.T) {
	root := stateRoot(t)
	s := claimDir(t, root, "")
	thesis := filepath.Join(s.path, "thesis.tex")
	require.NoError(t, os.WriteFile(thesis, nil, 0o600))
	require.ErrorContains(t, s.remove(), "directory not empty")
	assert.Equal(t, []string{s.path, thesis}, listTree(t, s.path))
}

func TestAStateDirectoryThatCannotBeMadeIsAnError(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	root := StateRoot{Dir: filepath.Join(file, "state")} // a file is in the way, even for root
	_, err := root.claim(t.Context(), "")
	require.ErrorContains(t, err, "state directory: ")
	require.ErrorContains(t, err, "; name a directory that can be written")

	root = stateRoot(t)
	_, err = root.claim(t.Context(), filepath.Join(file, "given"))
	require.ErrorContains(t, err, "state directory: mkdir "+file)
	assert.Equal(t, []string{root.Dir}, listTree(t, root.Dir))
}

func TestADirectoryThatAReapRemovesDuringAClaimIsMadeAgain(t *testing.T) {
	needsCgroups(t)
	root := stateRoot(t)
	dir := filepath.Join(t.TempDir(), "state")
	for range rounds(300) {
		var reaper sync.WaitGroup
		ctx, stop := context.WithCancel(t.Context())
		reaper.Go(func() { // only once, so that the next try succeeds even on a busy machine
			for ctx.Err() == nil && os.Remove(dir) != nil {
				runtime.Gosched()
			}
		})
		s, err := root.claim(t.Context(), dir)
		stop()
		reaper.Wait()
		require.NoError(t, err)
		require.NoError(t, s.remove())
	}
}
