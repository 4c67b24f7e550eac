package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nestbed/harness/host"
)

func newReap() *cobra.Command {
	var list, asJSON bool
	cmd := &cobra.Command{
		Use:   "reap [NAME...]",
		Short: "Clear what killed runs left; with a name, end that kept chain",
		Long: `Without a name: removes the state and cgroups of hosts whose processes are all
gone, as after kill -9. Running hosts, kept or not, are left alone.
With names, or state directories: ends those hosts, if they were kept or are dead.`,
		RunE: func(cmd *cobra.Command, names []string) error {
			out := cmd.OutOrStdout()
			if list && len(names) > 0 {
				return &usageError{errors.New("--list takes no names; see nestbed reap --help")}
			}
			if os.Geteuid() != 0 {
				return fmt.Errorf("reap: %w", host.ErrNotRoot)
			}
			switch {
			case list:
				return listHosts(cmd, asJSON)
			case len(names) > 0:
				for _, name := range names {
					if err := host.End(cmd.Context(), name); err != nil {
						return err
					}
					fmt.Fprintf(out, "ended %s\n", name)
				}
				return nil
			}
			cleared, err := host.Reap(cmd.Context())
			if asJSON {
				return errors.Join(err, writeJSON(out, cleared))
			}
			for _, l := range cleared {
				fmt.Fprintf(out, "cleared %s, left by process %d: %s\n", l.Path, l.Pid, l.Command)
			}
			if len(cleared) == 0 && err == nil {
				fmt.Fprintln(out, "nothing to clear")
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&list, "list", false, "list the hosts, and touch nothing")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

func listHosts(cmd *cobra.Command, asJSON bool) error {
	all, err := host.Leftovers()
	if err != nil {
		return err
	}
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), all)
	}
	for _, l := range all {
		state := "dead"
		switch {
		case l.Live && l.Kept:
			state = "kept"
		case l.Live:
			state = "running"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s  %s  process %d: %s\n", l.Name, state, l.Pid, l.Command)
	}
	return nil
}
