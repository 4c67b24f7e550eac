package inventory

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// withoutDaemon skips a test on a machine with a daemon, whose PATH counts.
func withoutDaemon(t *testing.T) {
	t.Helper()
	if own := daemonPath(); own.dirs != nil {
		t.Skip("needs a machine without LXD and Incus; newuidmap is looked up " + own.whose)
	}
}

func TestAnUnprivilegedNewuidmapIsNotUsable(t *testing.T) {
	withoutDaemon(t)
	bin := t.TempDir()
	for _, name := range []string{"newuidmap", "newgidmap"} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, name), nil, 0o755))
	}
	t.Setenv("PATH", bin)
	found, err := FindShadowTools()
	require.NoError(t, err)
	assert.Equal(t, ShadowTools{Found: bin + "/newuidmap has neither set-user-id nor file capabilities: LXD ignores it. To use it: chmod u+s " + bin + "/newuidmap"}, found)
	for _, name := range []string{"newuidmap", "newgidmap"} {
		require.NoError(t, os.Chmod(filepath.Join(bin, name), os.ModeSetuid|0o755))
	}
	found, err = FindShadowTools()
	require.NoError(t, err)
	assert.Equal(t, ShadowTools{Usable: true, Found: "installed in the PATH of nestbed"}, found)
}

func TestNewuidmapIsLookedUpWhereTheDaemonDoes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, which reads the environment of daemons")
	}
	withoutDaemon(t)
	bin := t.TempDir()
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	text, err := os.ReadFile(sleep)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "incusd"), text, 0o755))
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, "incusd"), "60")
	cmd.Env = []string{"PATH=/nowhere:" + bin}
	require.NoError(t, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	found, err := FindShadowTools()
	require.NoError(t, err)
	assert.Equal(t, ShadowTools{Found: fmt.Sprintf("not both installed in the PATH of incusd (process %d)", cmd.Process.Pid)}, found)
}
