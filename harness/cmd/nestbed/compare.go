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
		Use:   "compare OLD NEW",
		Short: "Tell what differs between two runs of the scenarios, and whether the newer is worse",
		Long: `Compares two runs, each given by its directory of reports or its results.json: scenarios
that newly fail, are missing or newly skipped, that pass with other maps or for another
reason than before, or take longer; and those that are better now. A version that was run
several times is given by all its runs, with commas between: what takes longer is then
what takes longer than in any run before.

Exit status: 0 not worse, 1 worse, 2 wrong use.`,
		Example: `  nestbed compare reports/lxd-5.0.2-5 reports/lxd-5.0.2+git20231211.1364ae4-9+deb13u1
  nestbed compare monday,tuesday today --html today.html`,
		Args: wrongUse(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkFile("--html", html); err != nil {
				return err
			}
			var runs [2]report.Run
			for i, path := range args {
				var err error
				if runs[i], err = report.LoadRuns(strings.Split(path, ",")); err != nil {
					return &usageError{err}
				}
			}
			c := report.Compare(runs[0], runs[1])
			var err error
			if err := writeFile("--html", html, c.WriteHTML); err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), c)
			} else {
				err = c.Write(cmd.OutOrStdout())
			}
			if err == nil && c.Worse {
				err = errors.New("compare: the newer run is " + c.Verdict())
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the comparison as JSON")
	cmd.Flags().StringVar(&html, "html", "", "also write the comparison to `FILE`, as a page that needs nothing else")
	return cmd
}
