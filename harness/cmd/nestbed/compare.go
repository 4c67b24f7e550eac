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
different reason; that take longer; and those that are better now. With more than two
runs, a table shows the result of these scenarios in every run, and times are compared
only between runs on the same kernel.

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
			runs := make([]report.Run, len(args))
			for i, path := range args {
				var err error
				if runs[i], err = report.LoadRuns(strings.Split(path, ",")); err != nil {
					return &usageError{err}
				}
			}
			c := report.Compare(runs[0], runs[1:]...)
			if err := writeFile("--html", html, c.WriteHTML); err != nil {
				return err
			}
			var err error
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
