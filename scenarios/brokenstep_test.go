package scenarios_test

import (
	"errors"
	"os"
	"runtime"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
	"nestbed/steps"
)

// brokenEnv makes a process run breakingFeature. Its value says how the last step breaks.
const brokenEnv = "NESTBED_TEST_STEP"

const breakingFeature = `Feature: A step that breaks
  Scenario: It breaks while a chain is up
    Given an LXD host whose root allocation is "root:500000:65536"
    When a chain of depth 1 is built without delegations
    Then this step breaks
`

// runBreaking runs breakingFeature with a last step that breaks as how says.
func runBreaking(t *testing.T, how string) {
	t.Helper()
	ways := map[string]func(){
		"panics":              func() { panic(errors.New("a step that panics")) },
		"ends its goroutine":  runtime.Goexit,
		"ends the whole test": func() { os.Exit(3) },
	}
	require.Contains(t, ways, how)
	steps.Suite{
		Features: fstest.MapFS{"broken.feature": {Data: []byte(breakingFeature)}},
		Steps:    []steps.Step{{Keyword: steps.Then, Pattern: `^this step breaks$`, Meaning: "It does not return.", Do: ways[how]}},
		Format:   "progress",
	}.Test(t)
}

func TestAStepThatPanicsOrNeverReturnsLeavesNothing(t *testing.T) {
	if how := os.Getenv(brokenEnv); how != "" {
		runBreaking(t, how)
		return
	}
	parallel(t, 1)
	harnesstest.Bundle(t, harnesstest.Source(t))
	for how, said := range map[string]string{
		"panics":              "a step that panics", // and the run closes the scenario's host
		"ends its goroutine":  "runtime.Goexit",
		"ends the whole test": "",
	} {
		t.Run(how, func(t *testing.T) {
			run := testCommand(t, "-test.run=^TestAStepThatPanicsOrNeverReturnsLeavesNothing$")
			run.Env = append(run.Env, brokenEnv+"="+how)
			out, err := run.CombinedOutput()
			require.Error(t, err, "%s", out)
			assert.Contains(t, string(out), said)
			assert.NotContains(t, string(out), "the suite left")
			left := hostsOf(t, run.Process.Pid)
			if how == "panics" {
				assert.Empty(t, left)
			}
			requireReaped(t, left)
		})
	}
}
