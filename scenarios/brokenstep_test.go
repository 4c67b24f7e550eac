package scenarios_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
)

// brokenEnv has a run of the features break at the first Then about a chain that is up, in the way that it names.
const brokenEnv = "NESTBED_TEST_STEP"

// breakSteps does that. It is nothing in a run that nobody has asked it of.
func breakSteps(sc *godog.ScenarioContext) {
	ways := map[string]func(){
		"panics":              func() { panic(errors.New("a step that panics")) },
		"ends its goroutine":  runtime.Goexit,
		"ends the whole test": func() { os.Exit(3) },
	}
	how := os.Getenv(brokenEnv)
	if how == "" {
		return
	}
	sc.StepContext().Before(func(ctx context.Context, step *godog.Step) (context.Context, error) {
		if strings.HasPrefix(step.Text, "all ") {
			ways[how]()
		}
		return ctx, nil
	})
}

func TestAStepThatPanicsOrNeverReturnsLeavesNothing(t *testing.T) {
	beside(t, 1)
	harnesstest.Bundle(t, harnesstest.Source(t))
	for how, said := range map[string]string{
		"panics":              "a step that panics", // and the run closes what the scenario had
		"ends its goroutine":  "runtime.Goexit",
		"ends the whole test": "",
	} {
		t.Run(how, func(t *testing.T) {
			run := featuresApart(t, "-test.run=^TestFeatures$/^Three_levels_share_an_allocation_of_three_blocks$",
				"-godog.paths=article.feature", "-godog.format=progress")
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
