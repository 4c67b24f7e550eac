package scenarios_test

import (
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
	"nestbed/steps"
)

// turns limits the chains of scenarios and Go tests that run at a time. TestMain sets it.
var turns *steps.Turns

// parallelFlag is go test's own limit of parallel tests.
const parallelFlag = "test.parallel"

// makeTurns sets turns to as many chains as -concurrency says. It raises go test's own limit,
// which counts tests, not chains: a test that waits for its turn must not keep TestFeatures from
// starting.
func makeTurns() error {
	turns = steps.NewTurns(concurrency())
	if isSet(parallelFlag) {
		return nil
	}
	return flag.Set(parallelFlag, "1000")
}

// parallel lets a test run in parallel with others, and waits for turns for its chains. A test
// that measures the whole machine or changes the environment does not call it: it runs alone,
// before these.
func parallel(t *testing.T, chains int) {
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
