package main

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/report"
	"nestbed/steps"
)

// exitUntried is the exit status with --bisect if nothing could be tried: git bisect run then skips
// the commit (man 1 git-bisect).
const exitUntried = 125

type testFlags struct {
	tags, name, host, bundle, require, reports, junit, html string
	concurrency                                             int
	failFast, keep, list, json, quiet, bisect               bool
}

func newTest() *cobra.Command {
	f := &testFlags{}
	cmd := &cobra.Command{
		Use:   "test [PATH...]",
		Short: "Run scenarios: the built-in ones, or your own feature files",
		Long: `Runs the scenarios of feature files and directories, or the built-in ones. Scenarios run
side by side, each with the LXD of a private host. Those that this machine or this
version cannot run are skipped, with the reason.

A feature of your own uses the steps of nestbed steps. Steps and tags that do not exist
are listed before anything runs.

Several bundles, separated by commas, are tested one after the other and compared.

Exit status: 0 all pass, 1 some fail or the run fails, 2 wrong use. With --bisect, 125 if
nothing could be tried, as git bisect run expects.`,
		Example: `  nestbed test --tags @core              # a quick check of this machine
  nestbed test mine.feature              # your own scenarios
  nestbed test --name 'depth: Three'     # by name
  nestbed test --list --tags '@slow'     # what would run
  nestbed test --bundle installed,debian:trixie --reports reports
                                         # two versions, and what differs
  git bisect run sh -c 'make && nestbed test --bisect --bundle built:bin mine.feature'`,
		RunE: f.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.tags, "tags", "", `only scenarios with these tags: "@a && ~@b" is a and not b, "@a,@b" is a or b (default: all but @slow, @moving and @known-bug)`)
	flags.StringVar(&f.name, "name", "", "only scenarios whose \"feature: scenario\" matches this `REGEXP`")
	flags.StringVar(&f.host, "host", "private", "where to run: "+host.TargetForms())
	flags.StringVar(&f.bundle, "bundle", "", "what runs, or several separated by commas: "+bundle.Forms+" (default: chosen for this machine)")
	flags.StringVar(&f.require, "require", "", "all: a scenario that this machine cannot run is a failure")
	flags.IntVar(&f.concurrency, "concurrency", 0, "scenarios at a time (default: as many as processors and memory allow)")
	flags.BoolVar(&f.failFast, "fail-fast", false, "start no more scenarios after one has failed")
	flags.BoolVar(&f.keep, "keep", false, "leave the host of a failed scenario running")
	flags.BoolVar(&f.list, "list", false, "list the scenarios and run none")
	flags.StringVar(&f.reports, "reports", "", "write results.json and junit.xml below this `DIR`, in a directory for each version")
	flags.StringVar(&f.junit, "junit", "", "also write the results to `FILE`, in JUnit's format")
	flags.StringVar(&f.html, "html", "", "also write the results to `FILE`, as a self-contained page; with several bundles, what differs")
	flags.BoolVar(&f.json, "json", false, "print the results as JSON, and progress on standard error")
	flags.BoolVar(&f.quiet, "quiet", false, "print only failures and the summary")
	flags.BoolVar(&f.bisect, "bisect", false, "exit with 125 if nothing could be tried")
	return cmd
}

func (f *testFlags) run(cmd *cobra.Command, paths []string) error {
	err := f.tryAll(cmd, paths)
	if err == nil || !f.bisect || errors.Is(err, steps.ErrFailed) {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), "nestbed: not tried:", err)
	return statusError(exitUntried)
}

func (f *testFlags) tryAll(cmd *cobra.Command, paths []string) error {
	suite, bundles, err := f.suite(cmd, paths)
	if err != nil {
		return &usageError{err}
	}
	if err := errors.Join(checkFile("--junit", f.junit), checkFile("--html", f.html)); err != nil {
		return err
	}
	if err := refuseMistakes(cmd.ErrOrStderr(), suite); err != nil {
		return err
	}
	names, err := suite.List()
	if err == nil && len(names) == 0 {
		err = steps.ErrNoScenario
	}
	if err != nil {
		return &usageError{err}
	}
	if f.list {
		return f.printList(cmd.OutOrStdout(), names)
	}
	if suite.Host.Suite != "" {
		return f.inVM(cmd, suite, paths, bundles)
	}
	var runs []report.Run
	failed, ran := 0, 0
	for _, b := range bundles {
		suite.Bundle = b
		run, n, err := f.try(cmd, suite)
		if err != nil {
			return err
		}
		failed, ran = failed+n, ran+len(run.Scenarios)
		runs = append(runs, run)
	}
	err = f.conclude(cmd.OutOrStdout(), runs)
	if failed > 0 {
		err = errors.Join(fmt.Errorf("test: %d of %d %w", failed, ran, steps.ErrFailed), err)
	}
	return err
}

// suite returns the suite and the bundles that the flags describe. An error means wrong use.
func (f *testFlags) suite(cmd *cobra.Command, paths []string) (s steps.Suite, bundles []bundle.Source, err error) {
	settings, err := environment.Read()
	if err != nil {
		return s, nil, err
	}
	s = steps.Suite{
		Tags: f.tags, Concurrency: f.concurrency, StopOnFailure: f.failFast, Keep: f.keep,
		Reports: f.reports, Output: io.Discard, Program: again(cmd, paths, settings.Guest),
	}
	if s.Tags == "" {
		s.Tags = strings.Join([]string{"~" + steps.Slow, "~" + steps.Moving, "~" + steps.KnownBug}, " && ")
	}
	if f.name != "" {
		if s.Name, err = regexp.Compile(f.name); err != nil {
			return s, nil, fmt.Errorf("--name: %w", err)
		}
	}
	switch f.require {
	case "", "all":
		s.RequireAll = f.require != ""
	default:
		return s, nil, fmt.Errorf("--require %s: not known; the only value is all", f.require)
	}
	if s.Host, err = host.ParseTarget(f.host); err != nil {
		return s, nil, fmt.Errorf("--host: %w", err)
	}
	if len(paths) > 0 {
		if s.Features, s.Paths, err = featureFiles(paths); err != nil {
			return s, nil, err
		}
	}
	bundles = []bundle.Source{{}}
	if f.bundle != "" {
		bundles = nil
		for text := range strings.SplitSeq(f.bundle, ",") {
			b, err := bundle.ParseSource(text)
			if err != nil {
				return s, nil, fmt.Errorf("--bundle: %w", err)
			}
			bundles = append(bundles, b)
		}
	}
	if f.junit != "" && len(bundles) > 1 {
		return s, nil, errors.New("--junit: there are several bundles; use --reports, which has a junit.xml for each")
	}
	return s, bundles, nil
}

// again returns the command that was called, without the flags that select scenarios. guest is the
// --host on the machine outside, if this is a virtual machine.
func again(cmd *cobra.Command, paths []string, guest string) string {
	words := []string{cmd.CommandPath()}
	if guest != "" {
		words = append(words, "--host="+guest)
	}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if slices.Contains([]string{"host", "bundle", "require"}, flag.Name) {
			words = append(words, "--"+flag.Name+"="+flag.Value.String())
		}
	})
	return strings.Join(append(words, paths...), " ")
}

func (f *testFlags) printList(w io.Writer, names []string) error {
	if f.json {
		return writeJSON(w, names)
	}
	for _, name := range names {
		fmt.Fprintln(w, name)
	}
	return nil
}

// try runs the suite with one bundle and prints the summary. It returns the number of scenarios
// that failed.
func (f *testFlags) try(cmd *cobra.Command, suite steps.Suite) (report.Run, int, error) {
	out := cmd.OutOrStdout()
	if f.json {
		out = cmd.ErrOrStderr()
	}
	run, failed, err := watch(cmd.Context(), suite, newTestView(out, cmd.ErrOrStderr(), f.quiet))
	if len(run.Scenarios) > 0 {
		err = errors.Join(err, writeFile("--junit", f.junit, run.WriteJUnit), annotate(out, run, environment.ReadGitHub()))
	}
	return run, failed, err
}

// conclude writes the page, and prints the results as JSON or what differs between them.
func (f *testFlags) conclude(w io.Writer, runs []report.Run) error {
	page, c := runs[0].WriteHTML, report.Comparison{}
	if len(runs) > 1 {
		c = report.Compare(runs[0], runs[1:]...)
		page = c.WriteHTML
	}
	if err := writeFile("--html", f.html, page); err != nil {
		return err
	}
	switch {
	case f.json && len(runs) == 1:
		return writeJSON(w, runs[0])
	case f.json:
		return writeJSON(w, runs)
	case len(runs) > 1:
		fmt.Fprintln(w)
		return c.Write(w)
	}
	return nil
}
