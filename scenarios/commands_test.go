package scenarios_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
)

// commandsDir is the directory of the built commands. TestMain removes it.
var commandsDir string

// buildOnce builds nestbed and its relay into commandsDir, as make build does.
var buildOnce = sync.OnceValue(func() (err error) {
	if commandsDir, err = os.MkdirTemp("", "nestbed-commands-"); err != nil {
		return err
	}
	build := exec.Command("go", "build", "-o", commandsDir+"/", "nestbed/harness/cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w: %s", err, out)
	}
	return nil
})

// buildNestbed returns the path of the command nestbed. Its relay is in the same directory.
func buildNestbed(t *testing.T) string {
	t.Helper()
	_, err := exec.LookPath("go")
	harnesstest.SkipIfMissing(t, err)
	require.NoError(t, buildOnce())
	return filepath.Join(commandsDir, "nestbed")
}

// copyCommands copies nestbed and its relay into a directory, which another account can read.
func copyCommands(t *testing.T, dir string) {
	t.Helper()
	require.NoError(t, os.CopyFS(dir, os.DirFS(filepath.Dir(buildNestbed(t)))))
}

// nestbedCommand returns a function that runs the command nestbed.
func nestbedCommand(t *testing.T) func(args ...string) (stdout, stderr string, status int) {
	t.Helper()
	program := buildNestbed(t)
	return func(args ...string) (string, string, int) {
		var stdout, stderr strings.Builder
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		var exit *exec.ExitError
		if err := guarded(cmd).Run(); err != nil && !errors.As(err, &exit) {
			require.NoError(t, err)
		}
		return stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()
	}
}
