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
		Short: "List the steps that scenarios are written in, each with its meaning and an example",
		Long: `Lists the vocabulary of the scenarios: what a Given can ask for, what a When can
do, what a Then looks at. Each step is shown as the features use it.`,
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
