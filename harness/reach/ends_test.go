package reach

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
)

func TestRepeatedRestartsOfLXDEndAWaitForIt(t *testing.T) {
	r, dir := opened(t)
	write := func(path, text string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, path)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, path), []byte(text), 0o644))
	}
	const benign = `time="2026-11-25T19:01:37Z" level=warning msg="Instance type not operational"` + "\n"
	fromNothing := r.WatchRestarts(t.Context())
	require.NoError(t, fromNothing(), "LXD was not started yet")
	write(bundle.StartedFile, "\n")
	once := r.WatchRestarts(t.Context())
	write(bundle.StartedFile, "\n\n")
	require.NoError(t, fromNothing())
	require.NoError(t, once(), "one crash does not matter")
	write(bundle.StartedFile, "\n\n\n")
	write(bundle.StderrFile, benign)
	for _, ends := range []func() error{fromNothing, once} {
		require.EqualError(t, ends(), "LXD ended at its start and was restarted 2 times; its last error: none")
	}
	require.NoError(t, r.WatchRestarts(t.Context())(), "a new wait counts only restarts from now on")
	write(bundle.StderrFile, benign+"Error: exec: \"tar\": executable file not found in $PATH\n"+benign)
	assert.EqualError(t, once(), `LXD ended at its start and was restarted 2 times; its last error: Error: exec: "tar": executable file not found in $PATH`)
}
