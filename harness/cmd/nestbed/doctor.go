package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nestbed/harness/advice"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/inventory"
	"nestbed/harness/vm"
	"nestbed/steps"
)

func newDoctor(m environment.Machine) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Show what this machine has and is missing for each kind of run, and how to fix it",
		Long: `Checks what each kind of run needs, by trying it wherever possible. Changes nothing.
Exit status 1 if nestbed up would not run here with its defaults.`,
		Example: `  nestbed doctor
  nestbed doctor --json`,
		Args: wrongUse(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			source, why, noSource := bundle.Choose()
			store, system := m.Store(nil), existing.LXD{Address: m.Socket, Keyring: m.Keyring}
			requirements := advice.OnAll(slices.Concat(private.Requirements(store, m.State), inventory.Containers(cmd.Context()), existing.Requirements(cmd.Context(), store, system), steps.Requirements(store, source), vm.Requirements(m.Cache)))
			if asJSON {
				if err := writeJSON(cmd.OutOrStdout(), requirements); err != nil {
					return err
				}
			} else if err := writeRequirements(cmd.OutOrStdout(), requirements); err != nil {
				return err
			}
			if noSource != nil {
				return noSource
			}
			if !asJSON && why != "" {
				fmt.Fprintf(cmd.OutOrStdout(), "\n%s: nestbed up takes the bundle %s\n", why, source)
			}
			if err := private.Check(store, source.Kind, m.State); err != nil {
				return fmt.Errorf("nestbed up would not run here: %w", err)
			}
			if !asJSON {
				fmt.Fprintf(cmd.OutOrStdout(), "\nnestbed up runs here, with the bundle %s\n", source)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func writeRequirements(w io.Writer, requirements []inventory.Requirement) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	kind := ""
	for _, r := range requirements {
		title := ""
		if r.For != kind {
			title, kind = r.For, r.For
		}
		verdict := "ok"
		switch {
		case !r.OK && r.Elsewhere:
			verdict = "-"
		case !r.OK:
			verdict = "missing"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", title, verdict, r.Name, r.Found)
		if r.Fix != "" {
			fmt.Fprintf(t, "\t\t\tfix: %s\n", r.Fix)
		}
	}
	return t.Flush()
}
