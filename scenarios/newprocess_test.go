package scenarios_test

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// newProcessEnv names the test that a process runs alone.
const newProcessEnv = "NESTBED_TEST_NEW_PROCESS"

// inNewProcess reports whether this process runs only this test. If not, it runs the test in a new
// process and checks the result. Tests that count goroutines or set the environment need this.
func inNewProcess(t *testing.T, chains int) bool {
	t.Helper()
	if os.Getenv(newProcessEnv) == t.Name() {
		return true
	}
	parallel(t, chains)
	args := slices.DeleteFunc(slices.Clone(os.Args[1:]), func(arg string) bool {
		return strings.HasPrefix(arg, "-test.testlogfile=") || strings.HasPrefix(arg, "-test.gocoverdir=") // go test's own files
	})
	run := exec.CommandContext(t.Context(), os.Args[0], append(args, fmt.Sprintf("-test.run=^%s$", t.Name()), "-test.v")...)
	run.Env = append(os.Environ(), newProcessEnv+"="+t.Name())
	out, err := tied(run).CombinedOutput()
	require.NoError(t, err, "%s", out)
	if strings.Contains(string(out), "\n--- SKIP: "+t.Name()+" ") {
		t.Skipf("%s", out)
	}
	require.Contains(t, string(out), "\n--- PASS: "+t.Name()+" ", "%s", out)
	t.Logf("%s", out)
	return false
}
