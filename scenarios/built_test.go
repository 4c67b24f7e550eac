package scenarios_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
)

// newBuild stands for LXD just built: copies of the installed LXD and of liblxc, each changed by a
// byte behind its end, in the directories dir/programs and dir/libraries. machineLibrary is the
// path of this machine's liblxc.
func newBuild(t *testing.T, dir, programs, libraries string) (lxd, library changed, machineLibrary string) {
	t.Helper()
	installed, err := exec.LookPath("lxd")
	harnesstest.SkipIfMissing(t, err)
	if source := harnesstest.Source(t); source.Kind != bundle.Installed {
		t.Skipf("runs with the bundle installed, not with %s", source)
	}
	found, err := filepath.Glob("/usr/lib/*/liblxc.so.1")
	require.NoError(t, err)
	require.Len(t, found, 1)
	return changedCopy(t, installed, filepath.Join(dir, programs, "lxd")),
		changedCopy(t, found[0], filepath.Join(dir, libraries, "liblxc.so.1")), found[0]
}

// runsAtEveryLevel builds a chain with the bundle of a source, and fails unless its levels have the
// changed files.
func runsAtEveryLevel(t *testing.T, source bundle.Source, lxd, library changed, machineLibrary string) {
	t.Helper()
	b := harnesstest.Bundle(t, source)
	assert.Empty(t, b.Package, "the package has another file")
	h := harnesstest.Host(t, article, func(c *private.Config) { c.Bundle = b })
	chain := harnesstest.Build(t, h, harness.Cascade(2))
	harnesstest.AsPlanned(t, chain)
	for _, level := range chain.Levels {
		got, err := level.Exec(harnesstest.Context(t), "sha256sum", "/usr/bin/lxd", machineLibrary)
		require.NoError(t, err)
		assert.Equal(t, []string{lxd.sum, library.sum}, sums(got), "at level %d", level.Index)
	}
}

func TestAnLXDThatWasJustBuiltRunsAtEveryLevelWithItsOwnLibraries(t *testing.T) {
	if !inNewProcess(t, 1) {
		return
	}
	dir := t.TempDir()
	lxd, library, machine := newBuild(t, dir, "bin", "dqlite/.libs")
	t.Setenv("LD_LIBRARY_PATH", filepath.Dir(library.path))
	runsAtEveryLevel(t, bundle.Source{Kind: bundle.Built, Arg: filepath.Dir(lxd.path)}, lxd, library, machine)
}

func TestTheLXDOfASnapRunsAtEveryLevelWithTheLibrariesOfTheSnap(t *testing.T) {
	parallel(t, 1)
	dir := t.TempDir()
	lxd, library, machine := newBuild(t, dir, "bin", "lib/x86_64-linux-gnu")
	file := filepath.Join(t.TempDir(), "lxd_1.snap")
	out, err := exec.CommandContext(t.Context(), "mksquashfs", dir, file).CombinedOutput()
	require.NoError(t, err, string(out))
	runsAtEveryLevel(t, bundle.Source{Kind: bundle.Snap, Arg: file}, lxd, library, machine)
}

// A changed is a changed copy of a file, with its SHA-256.
type changed struct{ path, sum string }

// changedCopy copies a file and appends a byte, which the loader ignores.
func changedCopy(t *testing.T, from, to string) changed {
	t.Helper()
	text, err := os.ReadFile(from)
	require.NoError(t, err)
	text = append(text, '\n')
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
	require.NoError(t, os.WriteFile(to, text, 0o755))
	return changed{to, fmt.Sprintf("%x", sha256.Sum256(text))}
}

// sums returns the sums that sha256sum printed.
func sums(out string) (all []string) {
	for line := range strings.Lines(out) {
		sum, _, _ := strings.Cut(line, " ")
		all = append(all, sum)
	}
	return all
}
