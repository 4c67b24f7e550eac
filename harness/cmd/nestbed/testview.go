package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"nestbed/harness/internal/cleanup"
	"nestbed/harness/printable"
	"nestbed/harness/report"
	"nestbed/steps"
)

// testView shows a run of scenarios: a bar on a terminal, and elsewhere a line for each scenario.
// Failures are printed in any case, when they happen.
type testView struct {
	out, errOut io.Writer
	quiet       bool // only failures and the summary
	brief       bool // these, and the bar
	began       time.Time
	spinner     *progress
	pace        *pace
	bar         *progressbar.ProgressBar // nil if there is no terminal
	scenarios   int                      // that will run
	running     []string
	ended       int
	failed      int
	stopped     int // scenarios that the interruption ended
	interrupted func() bool
}

// stopBudget is how long scenarios may take to end after an interruption.
const stopBudget = time.Minute

// watch runs a suite and shows it. It returns the number of scenarios that failed; err is for
// everything else.
func watch(ctx context.Context, suite steps.Suite, v *testView) (run report.Run, failed int, err error) {
	// An interrupted command waits for it, and so prints what was done.
	defer cleanup.Begin(ctx, cleanup.Task{What: "the scenarios to end", Budget: stopBudget})()
	v.interrupted = func() bool { return ctx.Err() != nil }
	names, err := suite.List()
	if err != nil {
		return run, 0, err
	}
	v.pace = newPace(names, suite.Reports)
	suite.Watch = v
	run, err = suite.Run(ctx)
	return run, v.summary(run), orInterrupted(ctx, exceptFailed(err))
}

// exceptFailed returns err without the part that says that scenarios failed. Others, such as that
// results cannot be saved, must not be lost with it.
func exceptFailed(err error) error {
	if !errors.Is(err, steps.ErrFailed) {
		return err
	}
	joined, is := err.(interface{ Unwrap() []error })
	if !is {
		return nil
	}
	var rest error
	for _, part := range joined.Unwrap() {
		rest = errors.Join(rest, exceptFailed(part))
	}
	return rest
}

func newTestView(out, errOut io.Writer, quiet bool) *testView {
	return &testView{pace: newPace(nil, ""), out: out, errOut: errOut, quiet: quiet, began: time.Now(), spinner: newProgress(errOut), interrupted: func() bool { return false }}
}

// Does shows what is being done before the scenarios, and prints it if there is no terminal.
func (v *testView) Does(what string) {
	if v.bar == nil && !v.quiet {
		v.spinner.show(what)
	}
}

// Starts shows the bar, whose time left is by the pace of earlier runs.
func (v *testView) Starts(scenarios int) {
	v.spinner.done()
	if v.quiet || !isTerminal(v.errOut) {
		return
	}
	v.scenarios = scenarios
	v.bar = progressbar.NewOptions64(v.pace.total(), progressbar.OptionSetWriter(unescaped(v.errOut)),
		progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth(), progressbar.OptionClearOnFinish(), progressbar.OptionSetElapsedTime(true))
}

// Begins shows a running scenario.
func (v *testView) Begins(name string) {
	v.running = append(v.running, name)
	v.describe()
}

// Ends shows the result of a scenario.
func (v *testView) Ends(s report.Scenario) {
	if i := slices.Index(v.running, s.Name); i >= 0 {
		v.running = slices.Delete(v.running, i, i+1)
	}
	switch s.Status {
	case report.Skipped:
		v.pace.skipped[s.Name] = true
	case report.Failed:
		v.failed++
		v.ended++
	case report.Passed:
		v.ended++
	}
	if v.bar != nil && s.Status == report.Failed {
		_ = v.bar.Clear() // it is drawn again
	}
	switch {
	case s.Status == report.Failed && v.interrupted():
		v.stopped++
		fmt.Fprintf(v.out, "stopped %7s  %s\n", took(s), s.Name)
	case s.Status == report.Failed:
		v.failure(s)
	case s.Status == report.Passed && !v.quiet && !v.brief && v.bar == nil:
		fmt.Fprintf(v.out, "passed  %7s  %s\n", took(s), s.Name)
	}
	if v.bar != nil && s.Status != report.Skipped {
		_ = v.bar.Add64(v.pace.of(s.Name))
		v.describe()
	}
}

// failure prints a failed scenario in at most 25 lines.
func (v *testView) failure(s report.Scenario) {
	fmt.Fprintf(v.out, "FAILED  %7s  %s\n", took(s), s.Name)
	lines := s.Diagnosis
	if len(lines) > 0 {
		lines = lines[1:] // the name
	} else {
		lines = []string{s.Error}
	}
	for _, line := range lines {
		fmt.Fprintln(v.out, strings.TrimRight("    "+line, " "))
	}
}

func took(s report.Scenario) string { return fmt.Sprintf("%.1f s", s.Took()) }

// describe shows how many scenarios have ended, and one of those that are running, beside the bar.
func (v *testView) describe() {
	if v.bar == nil {
		return
	}
	text := ""
	if len(v.running) > 0 {
		text = v.running[0]
	}
	const room = 40
	if name := []rune(text); len(name) > room {
		text = string(name[:room-3]) + "..."
	}
	if v.failed > 0 {
		text = fmt.Sprintf("%d failed  %s", v.failed, text)
	}
	text = fmt.Sprintf("%d of %d  %s", v.ended, v.scenarios, text)
	v.bar.Describe(printable.Line(text))
}

// summary prints how many scenarios passed, failed and were skipped, and why they were skipped. It
// returns the number of those that failed.
func (v *testView) summary(run report.Run) (failed int) {
	v.spinner.done()
	if v.bar != nil {
		_ = v.bar.Finish() // a bar that stays does no harm
	}
	whys := map[string]int{}
	for _, s := range run.Scenarios {
		if s.Status == report.Skipped {
			whys[s.Error]++
		}
	}
	if len(run.Scenarios) == 0 {
		return 0
	}
	if !v.quiet && !v.brief && len(whys) > 0 {
		fmt.Fprintln(v.out, "\nskipped:")
		for _, why := range report.ByCount(whys) {
			fmt.Fprintf(v.out, "%5d  %s\n", whys[why], why)
		}
	}
	failed = run.Count(report.Failed) - v.stopped
	stopped := ""
	if v.stopped > 0 {
		stopped = fmt.Sprintf(", %d stopped", v.stopped)
	}
	fmt.Fprintf(v.out, "\n%d passed, %d failed, %d skipped%s in %s\n%s\n", run.Count(report.Passed), failed, run.Count(report.Skipped), stopped,
		time.Since(v.began).Round(time.Second), run.Facts)
	return failed
}
