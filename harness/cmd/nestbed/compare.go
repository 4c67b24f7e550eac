package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"nestbed/harness/report"
)

func newCompare() *cobra.Command {
	var asJSON bool
	var html string
	cmd := &cobra.Command{
		Use:   "compare RUN RUN...",
		Short: "Show what differs between runs of the scenarios, and whether a later run is worse than the first",
		Long: `Compares 2 to 26 runs, each given by its directory of reports or its results.json. The
first run is the oldest, and each later run is compared with it. Shows scenarios that
newly fail, are missing or newly skipped; that pass with different idmaps or for a
different reason; that hold only for other versions; that take longer; and those that
are better now. With more than two runs, a table shows the result of these scenarios in
every run, and times are compared only between runs on the same kernel.

If a version was run several times, list all its runs, separated by commas: a scenario
counts as slower only if every run of the later version is slower than every run of
the first.

Exit status: 0 no run is worse than the first, 1 one is, 2 wrong use.`,
		Example: `  nestbed compare reports/lxd-5.0.2-5+deb12u6 reports/lxd-6.9
  nestbed compare monday,tuesday today --html today.html
  nestbed compare reports/lxd-5.0.2-5+deb12u6 reports/vm/*/lxd-*`,
		Args: wrongUse(cobra.RangeArgs(2, report.MostRuns)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFile("--html", html); err != nil {
				return err
			}
			runs, err := loadRuns(args)
			if err != nil {
				return err
			}
			c := report.Compare(runs[0], runs[1:]...)
			if err := writeFile("--html", html, c.WriteHTML); err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), c)
			} else {
				err = c.Write(cmd.OutOrStdout())
			}
			if err == nil && c.Worse {
				whose := ""
				if len(runs) == 2 {
					whose = "the newer run is "
				}
				err = errors.New("compare: " + whose + c.Verdict())
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the comparison as JSON")
	cmd.Flags().StringVar(&html, "html", "", "also write the comparison to `FILE`, as a self-contained HTML page")
	return cmd
}

func newVersions() *cobra.Command {
	var asJSON, differences bool
	var html string
	cmd := &cobra.Command{
		Use:   "versions RUN RUN...",
		Short: "Show which behaviors hold for which versions of LXD and Incus",
		Long: `Shows the behaviors that the scenarios state, with a column for each of 2 to 26 runs. A
run is given by its directory of reports or its results.json; runs of the same version,
separated by commas, count as one. A behavior is a rule of a feature. Per run it says
  yes     all scenarios of the rule pass
  3 of 4  one scenario of the rule is for other versions
  no      all are for other versions
  FAILED  how many failed
  -       none can run on that machine
and then lists the scenarios that hold in some of the runs only, with their tag.

Exit status: 0, or 2 for wrong use.`,
		Example: `  nestbed versions reports/lxd-5.0.2-5+deb12u6 reports/incus-base-6.0.4-2+deb13u12
  nestbed versions reports/lxd-* --differences --json`,
		Args: wrongUse(cobra.RangeArgs(2, report.MostRuns)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFile("--html", html); err != nil {
				return err
			}
			runs, err := loadRuns(args)
			if err != nil {
				return err
			}
			v, err := report.NewVersions(runs...)
			if err != nil {
				return &usageError{err}
			}
			if differences {
				v = v.Different()
			}
			if err := writeFile("--html", html, v.WriteHTML); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), v)
			}
			return v.Write(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the table as JSON")
	cmd.Flags().BoolVar(&differences, "differences", false, "show only behaviors that differ between the runs")
	cmd.Flags().StringVar(&html, "html", "", "also write the table to `FILE`, as a self-contained page")
	return cmd
}

// loadRuns loads runs. Each argument is one run or several, separated by commas.
func loadRuns(args []string) ([]report.Run, error) {
	runs := make([]report.Run, len(args))
	for i, path := range args {
		var err error
		if runs[i], err = report.LoadRuns(strings.Split(path, ",")); err != nil {
			return nil, &usageError{err}
		}
	}
	return runs, nil
}
