package private

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

func TestAHostThatWasNotMadeCanBeClosed(t *testing.T) {
	var h *Host
	require.NoError(t, h.Close(t.Context()))
}

func TestTheStateOfAHostHoldsItsOwnSubIDFiles(t *testing.T) {
	dir := t.TempDir()
	uid, gid := idmap.Allocation{Owner: "root", Start: 500000, Count: 196608}, idmap.Allocation{Owner: "root", Start: 700000, Count: 65536}
	h := &Host{traits: host.Traits{Delegation: idmap.Delegation{UID: idmap.NewFile(uid), GID: idmap.NewFile(gid)}}, dir: &stateDir{path: dir}}
	require.NoError(t, h.makeDirs())
	for file, want := range map[string]string{"subuid": "root:500000:196608\n", "subgid": "root:700000:65536\n"} {
		got, err := os.ReadFile(filepath.Join(dir, "upper/etc", file))
		require.NoError(t, err)
		assert.Equal(t, want, string(got))
	}
	for name, mode := range map[string]os.FileMode{"upper": 0o755, "upper/etc": 0o755} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode().Perm(), "%s becomes the host's, where every user must pass", name)
	}
	for _, name := range []string{"work", "root", "lxd"} {
		assert.DirExists(t, filepath.Join(dir, name))
	}
}

func TestAnErrorAtTheStartQuotesTheLastLinesOfLXD(t *testing.T) {
	dir := t.TempDir()
	root, err := reach.Open(dir)
	require.NoError(t, err)
	t.Cleanup(root.Close)
	h := &Host{root: root}
	failed := errors.New("LXD ended at its start")
	assert.Equal(t, failed, h.withLog(t.Context(), failed), "without a log the error is unchanged")
	log := filepath.Join(dir, "var/log/lxd.err")
	require.NoError(t, os.MkdirAll(filepath.Dir(log), 0o755))
	require.NoError(t, os.WriteFile(log, nil, 0o644))
	assert.Equal(t, failed, h.withLog(t.Context(), failed))
	require.NoError(t, os.WriteFile(log, []byte("one\ntwo\nthree\nfour\n"), 0o644))
	err = h.withLog(t.Context(), failed)
	require.ErrorIs(t, err, failed)
	require.EqualError(t, err, "LXD ended at its start; it said: two | three | four")
}

func TestAPrivateHostNeedsRootAndABundle(t *testing.T) {
	_, err := Start(t.Context(), Config{})
	if os.Geteuid() != 0 {
		require.ErrorIs(t, err, ErrNotRoot)
		require.EqualError(t, err,
			"private host: requires root, to make namespaces and mounts; run as root or with sudo")
		return
	}
	require.EqualError(t, err, "private host: no bundle given; make one with bundle.Store")
}
