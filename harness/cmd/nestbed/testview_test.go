package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/report"
	"nestbed/steps"
)

func TestARunIsShownInLinesIfThereIsNoTerminal(t *testing.T) {
	passed := report.Scenario{Name: "f: one", Status: report.Passed, Seconds: []float64{1.25}}
	failed := report.Scenario{Name: "f: two", Status: report.Failed, Seconds: []float64{0.5}, Error: "wanted 1", Diagnosis: []string{"two", "wanted 1, got 2", "", "run again: x"}}
	skipped := report.Scenario{Name: "f: three", Status: report.Skipped, Error: "@requires-fuse: no"}
	show := func(quiet bool) (string, string) {
		var out, errOut strings.Builder
		v := newTestView(&out, &errOut, quiet)
		v.Does("making bundle x")
		v.Ends(skipped)
		v.Starts(2)
		for _, s := range []report.Scenario{passed, failed} {
			v.Begins(s.Name)
			v.Ends(s)
		}
		require.Empty(t, v.running)
		v.summary(report.Run{Scenarios: []report.Scenario{passed, failed, skipped}})
		return out.String(), errOut.String()
	}
	out, errOut := show(false)
	const failure = "FAILED    0.5 s  f: two\n    wanted 1, got 2\n\n    run again: x\n"
	assert.Equal(t, "passed    1.2 s  f: one\n"+failure+"\nskipped:\n    1  @requires-fuse: no\n\n1 passed, 1 failed, 1 skipped in 0s\n", out[:strings.LastIndex(out, "LXD")])
	assert.Equal(t, "making bundle x\n", errOut)

	out, errOut = show(true)
	assert.Equal(t, failure+"\n1 passed, 1 failed, 1 skipped in 0s\n", out[:strings.LastIndex(out, "LXD")])
	assert.Empty(t, errOut)
}

func TestAnInterruptedRunSaysWhatWasStopped(t *testing.T) {
	var out strings.Builder
	v := newTestView(&out, &out, false)
	v.interrupted = func() bool { return true }
	stopped := report.Scenario{Name: "f: two", Status: report.Failed, Seconds: []float64{0.5}, Error: "interrupted"}
	v.Ends(stopped)
	assert.Zero(t, v.summary(report.Run{Scenarios: []report.Scenario{stopped}, Interrupted: true}))
	assert.Contains(t, out.String(), "stopped   0.5 s  f: two\n\n0 passed, 0 failed, 0 skipped, 1 stopped in 0s\n")
}

func TestMistakesInFeaturesAreListedAndNothingRuns(t *testing.T) {
	status, stdout, stderr := nestbed(t, "test", "testdata/mistakes.feature")
	assert.Equal(t, 2, status)
	assert.Empty(t, stdout)
	assert.Equal(t, `testdata/mistakes.feature:3: Given an LXD host with out a root allocation: not a known step
    similar:  Given an LXD host without a root allocation
              Given an LXD host whose root allocation is "root:500000:65536"
testdata/mistakes.feature:4: When it rains: not a known step
nestbed: test: 2 mistakes in the features; nestbed steps lists all steps
`, stderr)
}

func TestOnlyTheFailureOfScenariosIsTakenOutOfAnError(t *testing.T) {
	full := errors.New("no space left on device")
	failed := fmt.Errorf("%w (exit status 1 of godog)", steps.ErrFailed)
	assert.NoError(t, exceptFailed(nil))
	assert.NoError(t, exceptFailed(errors.Join(failed, nil)))
	assert.Equal(t, full, exceptFailed(full))
	assert.EqualError(t, exceptFailed(errors.Join(errors.Join(failed, full), nil)), "no space left on device")
}
