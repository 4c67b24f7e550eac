package scenarios_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/act/fault"
	"nestbed/harness/act/file"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/postmortem"
)

// hostileBundle makes a dir: bundle from a copy of another bundle's root filesystem, changed by a
// script.
func hostileBundle(t *testing.T, from *bundle.Bundle, script string, args ...string) (*bundle.Bundle, error) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	require.NoError(t, os.Mkdir(root, 0o755))
	out, err := exec.CommandContext(t.Context(), "cp", "-a", from.Root()+"/.", root).CombinedOutput()
	require.NoError(t, err, "%s", out)
	alter(t, root, script, args...)
	return bundle.Store{Dir: t.TempDir()}.Make(harnesstest.Context(t), bundle.Source{Kind: bundle.Dir, Arg: root})
}

// alter runs a script in the top directory of a root filesystem.
func alter(t *testing.T, root, script string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", append([]string{"-euc", script, "sh"}, args...)...)
	cmd.Dir = root
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// hostileSymlinks replaces directories by symlinks to the directory $1: absolute ones, and
// relative ones through $2. The target exists inside the root filesystem as well, as if somebody
// had moved the directory.
const hostileSymlinks = moveFunction + `
	move var/lib/lxd "$1/lxd" "$1/lxd"
	move var/log "$1/log" "$2$1/log"
	move srv "$1/srv" "$2$1/srv"
`

const moveFunction = `
	move() { mkdir -p "$1" ".$2"; cp -a "$1/." ".$2"; rm -r "$1"; ln -s "$3" "$1"; }
`

// moreHostileSymlinks does the same to directories that liblxc does not accept as symlinks in a
// container.
const moreHostileSymlinks = moveFunction + `
	move proc "$1/proc" "$1/proc"
	move sys "$1/sys" "$2$1/sys"
	move dev "$1/dev" "$2$1/dev"
	move run "$1/run" "$1/run"
`

func TestABundleWithHostileSymlinksStaysInside(t *testing.T) {
	if !inNewProcess(t, 1) {
		return
	}
	c := newCanary(t)
	b, err := hostileBundle(t, harnesstest.Bundle(t, harnesstest.Source(t)), hostileSymlinks, c.dir, up)
	require.NoError(t, err)
	c.untouched(t)

	h, err := private.Start(harnesstest.Context(t), private.Config{StateRoot: stateRoot(), Delegation: article, Bundle: b})
	c.untouched(t)
	require.NoError(t, err, "inside, every symlink leads to the moved directory")
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	assert.FileExists(t, filepath.Join(h.StateDir(), "lxd/server.key"), "the state is mounted at the symlink's target inside the host")
	chain := harnesstest.Build(t, h, harness.Cascade(2))
	harnesstest.AsPlanned(t, chain)
	require.NoError(t, file.Share(harnesstest.Context(t), chain))
	require.NoError(t, file.AddFile(chain, "file", 500000, 500000))
	_ = postmortem.Diagnose(harnesstest.Context(t), chain).Files()
	c.untouched(t)
	require.NoError(t, chain.Close(harnesstest.Context(t)))

	spec := harness.Cascade(2)
	spec.Hooks = []harness.Hook{fault.Fault{Level: 2, Op: idmap.OpCreate, Kind: fault.DatabaseCut}.Hook()}
	broken, err := harness.Build(harnesstest.Context(t), h, spec)
	var stopped *harness.LevelError
	require.ErrorAs(t, err, &stopped)
	assert.Equal(t, idmap.DaemonDied, stopped.Reason, "the database of level 1 was cut: %v", err)
	c.untouched(t)
	require.NoError(t, broken.Close(harnesstest.Context(t)))
	require.NoError(t, h.Close(harnesstest.Context(t)))
	c.untouched(t)

	alter(t, b.Root(), moreHostileSymlinks, c.dir, up)
	plenty := idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 10 * idmap.Block})
	worse, err := private.Start(harnesstest.Context(t), private.Config{StateRoot: stateRoot(), Delegation: plenty, Bundle: b, SharePIDs: true})
	c.untouched(t)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, worse.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	existing, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: existing.LXD{Address: worse.Socket()}})
	require.NoError(t, err)
	require.NoError(t, existing.Close(harnesstest.Context(t)))
	c.untouched(t)
	require.NoError(t, worse.Close(harnesstest.Context(t)))
	c.untouched(t)
	c.notices(t)
}
