package main

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"nestbed/harness/report"
)

func newMatrix() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "matrix RUN RUN...",
		Short: "Show which scenarios are not the same on every machine and with every version, and why",
		Long: `Puts runs side by side, each given by its directory of reports or its results.json: a table of the
scenarios that did not come to the same in all of them, and under each what they came to.

Exit status: 0 no scenario failed in any run, 1 some did, 2 wrong use.`,
		Example: `  nestbed matrix reports/lxd-* reports/vm/*/lxd-*`,
		Args:    wrongUse(cobra.RangeArgs(2, report.MostRuns)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var runs []report.Run
			for _, path := range args {
				r, err := report.LoadRuns(strings.Split(path, ","))
				if err != nil {
					return &usageError{err}
				}
				runs = append(runs, r)
			}
			m := report.NewMatrix(runs)
			var err error
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), m)
			} else {
				err = m.Write(cmd.OutOrStdout())
			}
			if failed := m.Failed(); err == nil && failed != nil {
				err = errors.New("matrix: scenarios failed: " + strings.Join(failed, ", "))
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the matrix as JSON")
	return cmd
}
