package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
)

func newReap(m environment.Machine) *cobra.Command {
	var list, asJSON bool
	var at string
	cmd := &cobra.Command{
		Use:   "reap [NAME...]",
		Short: "Remove leftovers of killed runs; with a name, end that kept chain",
		Long: `Without a name: removes the state and cgroups of hosts that have no process any more,
for example after kill -9. Running hosts, kept or not, stay. Containers of one machine
may share its memory: a host there is left to the container that made it, or to the
machine when that container has ended.
With names or state directories: ends these hosts, if they are kept or dead.
With --host system: removes the projects that killed runs left on the existing LXD;
with names, these projects, for example those of a run on another machine.
With --host https://HOST:PORT: the same on an LXD on another machine.`,
		Example: `  nestbed reap                # leftovers on this machine
  nestbed reap --list         # what exists now
  nestbed reap 1234567        # end a kept chain
  nestbed reap --host system  # leftovers on the existing LXD`,
		RunE: func(cmd *cobra.Command, names []string) error {
			out := cmd.OutOrStdout()
			if list && len(names) > 0 {
				return &usageError{errors.New("--list takes no names; see nestbed reap --help")}
			}
			where, err := host.ParseTarget(at)
			switch {
			case err != nil:
				return &usageError{err}
			case where.Suite != "":
				return &usageError{fmt.Errorf("--host %s: a virtual machine leaves nothing behind; see nestbed reap --help", at)}
			case where.System && list:
				return &usageError{errors.New("--list: only for private hosts; see nestbed reap --help")}
			case where.System:
				site, err := start.At(m.Locate(where), m.Keyring)
				if err != nil {
					return err
				}
				return reapProjects(cmd, site.LXD, names, asJSON)
			}
			root := private.StateRoot{Dir: m.State}
			if os.Geteuid() != 0 {
				return fmt.Errorf("reap: %w", private.ErrNotRoot)
			}
			switch {
			case list:
				return listHosts(cmd, root, asJSON)
			case len(names) > 0:
				for _, name := range names {
					if err := root.End(cmd.Context(), name); err != nil {
						return err
					}
					fmt.Fprintf(out, "ended %s\n", name)
				}
				return nil
			}
			cleared, err := root.Reap(cmd.Context())
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
	cmd.Flags().BoolVar(&list, "list", false, "list all hosts and change nothing")
	cmd.Flags().StringVar(&at, "host", "private", "where to look: private, system, system:SOCKET or https://HOST:PORT")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print as JSON")
	return cmd
}

// reapProjects removes projects from an existing LXD.
func reapProjects(cmd *cobra.Command, on existing.LXD, names []string, asJSON bool) error {
	removed, err := existing.Reap(cmd.Context(), on, names...)
	if asJSON {
		return errors.Join(err, writeJSON(cmd.OutOrStdout(), append([]string{}, removed...)))
	}
	for _, name := range removed {
		fmt.Fprintf(cmd.OutOrStdout(), "removed project %s of the LXD at %s\n", name, on.Address)
	}
	if len(removed) == 0 && err == nil {
		fmt.Fprintln(cmd.OutOrStdout(), "nothing to clear")
	}
	return err
}

func listHosts(cmd *cobra.Command, root private.StateRoot, asJSON bool) error {
	all, err := root.Leftovers()
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
