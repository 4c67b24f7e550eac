package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"nestbed/features"
	"nestbed/steps"
)

func newSteps() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "steps",
		Short: "List the steps of scenarios, with their meaning and an example",
		Long: `Lists the vocabulary of the scenarios: what a Given can ask for, what a When can
do, and what a Then can check. Examples are from the features.`,
		Example: `  nestbed steps | grep -A3 '^Then'
  nestbed steps --json`,
		Args: wrongUse(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			vocabulary, err := steps.Vocabulary(features.FS)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), vocabulary)
			}
			for _, keyword := range []steps.Keyword{steps.Given, steps.When, steps.Then} {
				for _, s := range vocabulary {
					if s.Keyword == keyword {
						fmt.Fprintf(cmd.OutOrStdout(), "%s %s\n    %s\n", keyword, strings.ReplaceAll(s.Example, "\n", "\n  "), s.Meaning)
					}
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON, with the pattern that each step matches")
	return cmd
}
