package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"nestbed/harness/artifact"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/report"
	"nestbed/steps"
)

type upgradeFlags struct {
	machine             environment.Machine
	from, to, dir, html string
	quick, fresh, json  bool
}

// A verdict is the result of nestbed upgrade. Together has the scenarios of both versions: swaps
// under running chains, and mixed chains.
type verdict struct {
	Comparison report.Comparison `json:"comparison"`
	Together   report.Run        `json:"together"`
	Safe       bool              `json:"safe"`
}

func newUpgrade(m environment.Machine) *cobra.Command {
	f := &upgradeFlags{machine: m}
	cmd := &cobra.Command{
		Use:   "upgrade --from SOURCE --to SOURCE",
		Short: "Check whether an upgrade of LXD or Incus is safe for nested containers",
		Long: `Runs the scenarios with both versions, replaces one version by the other under running
chains and mixes both in one chain, and shows what differs. Between LXD and Incus, it
migrates with lxd-to-incus instead.

It leaves its results in a directory. If it was interrupted, the next call goes on with
the parts that are complete there.

Exit status: 0 the new version is not worse, 1 it is or something failed, 2 wrong use.`,
		Example: `  nestbed upgrade --from installed --to debian:trixie
  nestbed upgrade --from debian:trixie --to debian:trixie/incus --quick
  nestbed upgrade --from module:lxd --to built:/home/me/go/bin --html upgrade.html`,
		Args: wrongUse(cobra.NoArgs),
		RunE: f.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&f.from, "from", "installed", "the old version: "+bundle.Forms)
	flags.StringVar(&f.to, "to", "", "the new version, in the same forms")
	flags.StringVar(&f.dir, "dir", filepath.Join("reports", "upgrade"), "`DIR` for the results of the parts")
	flags.StringVar(&f.html, "html", "", "also write the comparison to `FILE`, as a self-contained HTML page (default compare.html in --dir)")
	flags.BoolVar(&f.quick, "quick", false, "run only the features article, depth and nesting with each version; takes 2 to 5 minutes")
	flags.BoolVar(&f.fresh, "fresh", false, "use no results that an earlier call left")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON, and progress on standard error")
	return cmd
}

func (f *upgradeFlags) run(cmd *cobra.Command, _ []string) error {
	from, err := bundle.ParseSource(f.from)
	if err != nil {
		return &usageError{fmt.Errorf("--from: %w", err)}
	}
	to, err := bundle.ParseSource(f.to)
	if err != nil {
		return &usageError{fmt.Errorf("--to: %w", err)}
	}
	if f.html == "" {
		f.html = filepath.Join(f.dir, "compare.html")
	} else if err := checkFile("--html", f.html); err != nil {
		return err
	}
	each := steps.Suite{Tags: strings.Join([]string{"~" + steps.Slow, "~" + steps.Moving, "~@requires-debian"}, " && ")}
	if f.quick {
		each.Paths = []string{"article.feature", "depth.feature", "nesting.feature"}
	}
	older, _, err := f.part(cmd, "old", "the scenarios with "+f.from, each, from)
	if err != nil {
		return err
	}
	newer, _, err := f.part(cmd, "new", "the scenarios with "+f.to, each, to)
	if err != nil {
		return err
	}
	both := together(older.Facts.Flavor, newer.Facts.Flavor)
	both.Old, both.New = from, to
	// The results of another new version are not those of this one.
	swapped, failed, err := f.part(cmd, filepath.Join("together", artifact.Slug(newer.Facts.Bundle)), "one version replaces the other under running chains, and mixed chains", both, from)
	if err != nil {
		return err
	}
	return f.conclude(cmd, verdict{report.Compare(older, newer), swapped, false}, failed)
}

// together returns the suite of the scenarios with both versions. LXD and Incus cannot replace each
// other; lxd-to-incus migrates from LXD to Incus.
func together(from, to idmap.Flavor) steps.Suite {
	switch {
	case from.Incus() == to.Incus():
		return steps.Suite{Tags: steps.Versions}
	case to.Incus():
		return steps.Suite{Paths: []string{"bundle.feature", "migration.feature"}}
	}
	return steps.Suite{Paths: []string{"bundle.feature"}}
}

// part runs a part, unless an earlier call left its results. failed reports whether scenarios
// failed; the error is for everything else.
func (f *upgradeFlags) part(cmd *cobra.Command, name, what string, suite steps.Suite, source bundle.Source) (_ report.Run, failed bool, err error) {
	out := cmd.OutOrStdout()
	if f.json {
		out = cmd.ErrOrStderr()
	}
	suite.Bundle, suite.Reports, suite.Output = source, filepath.Join(f.dir, name), io.Discard
	title, _, _ := strings.Cut(name, "/")
	fmt.Fprintf(out, "%s: %s\n", title, what)
	if run, found := f.kept(cmd.Context(), suite); found {
		fmt.Fprintf(out, "%s: the results of an earlier call are used; --fresh runs the scenarios again\n", title)
		return run, run.Count(report.Failed) > 0, nil
	}
	v := newTestView(out, cmd.ErrOrStderr(), false)
	v.brief = true
	run, n, err := watch(cmd.Context(), suite, v)
	return run, n > 0, err
}

// kept returns the results of a part that an earlier call left, if they are complete and are of the
// same bundle on the same kernel.
func (f *upgradeFlags) kept(ctx context.Context, suite steps.Suite) (report.Run, bool) {
	if f.fresh {
		return report.Run{}, false
	}
	b, err := f.machine.Store(nil).Make(ctx, suite.Bundle)
	if err != nil {
		return report.Run{}, false // the run reports it
	}
	run, err := report.LoadRun(filepath.Join(suite.Reports, report.Directory(b)))
	if err != nil || run.Interrupted || run.Facts != host.FactsOf(b) {
		return report.Run{}, false
	}
	names, err := suite.List()
	has := func(name string) bool {
		return slices.ContainsFunc(run.Scenarios, func(s report.Scenario) bool { return s.Name == name })
	}
	missing := slices.ContainsFunc(names, func(name string) bool { return !has(name) })
	return run, err == nil && !missing
}

// conclude shows the comparison. It returns an error if the new version is worse, or if a scenario
// of both versions failed.
func (f *upgradeFlags) conclude(cmd *cobra.Command, v verdict, failed bool) error {
	v.Safe = !v.Comparison.Worse && !failed
	if err := writeFile("--html", f.html, v.Comparison.WriteHTML); err != nil {
		return err
	}
	var err error
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), v)
	} else {
		fmt.Fprintln(cmd.OutOrStdout())
		err = v.Comparison.Write(cmd.OutOrStdout())
		fmt.Fprintf(cmd.OutOrStdout(), "page: %s\n", f.html)
	}
	switch {
	case err != nil:
		return err
	case failed:
		return fmt.Errorf("upgrade: %d of the scenarios with both versions failed; see together above", v.Together.Count(report.Failed))
	case v.Comparison.Worse:
		return errors.New("upgrade: the new version is " + v.Comparison.Verdict())
	}
	return nil
}
