package scenarios_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
	"nestbed/steps"
)

// turns are those of the scenarios and of the Go tests that run beside them. TestMain makes them.
var turns *steps.Turns

// parallelFlag is go test's limit of tests that run in parallel.
const parallelFlag = "test.parallel"

// makeTurns makes the turns, for as many chains as -concurrency says. go test's own limit counts tests and not
// chains, so a test that waits for its turn must not keep TestFeatures from starting.
func makeTurns() error {
	turns = steps.NewTurns(concurrency())
	if isSet(parallelFlag) {
		return nil
	}
	return flag.Set(parallelFlag, "1000")
}

// beside lets a test with so many chains at a time run beside others. A test that counts or measures what the whole
// machine has, or changes this process's environment, does not call it: it runs alone, before all that do.
func beside(t *testing.T, chains int) {
	t.Helper()
	t.Parallel()
	came := time.Now()
	giveBack, err := turns.Take(harnesstest.Context(t), chains)
	require.NoError(t, err)
	t.Cleanup(giveBack)
	t.Logf("waited %s for its turn", time.Since(came).Round(time.Second))
}

// isSet reports whether a flag was given.
func isSet(name string) (set bool) {
	flag.Visit(func(f *flag.Flag) { set = set || f.Name == name })
	return set
}
