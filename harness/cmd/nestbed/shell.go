package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"nestbed/harness/environment"
	"nestbed/harness/host/private"
	"nestbed/harness/internal/command"
	"nestbed/harness/postmortem"
)

func newShell(m environment.Machine) *cobra.Command {
	var chain string
	cmd := &cobra.Command{
		Use:   "shell [--chain NAME] PATH [-- COMMAND...]",
		Short: "Enter a level of a kept chain, or run a command there",
		Long: `Runs a shell, or the command, as root of the container PATH, such as c1/c2. PATH host
is level 0. Exits with the status of the command.

The chain is one that nestbed up --keep or a scenario that failed under NESTBED_KEEP=1
left running. Without --chain there must be exactly one. No LXD is asked, so this
works even if every LXD hangs. Programs get their own terminal: root of the container
cannot type into yours.`,
		Example: `  nestbed shell c1/c2
  nestbed shell c1/c2 -- cat /proc/self/uid_map
  nestbed shell --chain 1234567 host -- lxc list`,
		Args: wrongUse(func(cmd *cobra.Command, args []string) error {
			switch dash := cmd.ArgsLenAtDash(); {
			case len(args) == 0 || dash == 0:
				return errors.New("which level? name its PATH, such as c1/c2, or host")
			case dash < 0 && len(args) > 1 || dash > 1:
				return fmt.Errorf("%q: write -- before the command", args[1])
			}
			return nil
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			return enter(cmd.Context(), private.StateRoot{Dir: m.State}, chain, args[0], args[1:])
		},
	}
	cmd.Flags().StringVar(&chain, "chain", "", "`NAME` of the chain's host (nestbed reap --list shows them)")
	return cmd
}

// enter runs argv in a container, with the standard files of this process. If argv fails, the
// error is its exit status.
func enter(ctx context.Context, root private.StateRoot, chain, path string, argv []string) error {
	containers, err := containersOf(path)
	if err != nil {
		return &usageError{err}
	}
	if os.Geteuid() != 0 {
		return fmt.Errorf("shell: %w", private.ErrNotRoot)
	}
	on, err := root.Lookup(chain)
	if err != nil {
		return err
	}
	if len(argv) == 0 {
		argv = []string{"/bin/sh"}
	}
	argv, err = postmortem.Enter(on, containers, argv)
	if err != nil {
		return err
	}
	inside := command.New(ctx, argv[0], argv[1:]...)
	inside.Env = shellEnv(path)
	status, err := attach(inside)
	if err == nil && status != 0 {
		err = statusError(status)
	}
	return err
}

// containersOf returns the names in a path: none for the host.
func containersOf(path string) ([]string, error) {
	if path == "host" {
		return nil, nil
	}
	names := strings.Split(path, "/")
	for _, name := range names {
		if name == "" {
			return nil, fmt.Errorf("path %q: expected names of containers, such as c1/c2, or host", path)
		}
	}
	return names, nil
}

// shellEnv returns the environment of root in a level. Of this process's environment it keeps
// only TERM.
func shellEnv(path string) []string {
	env := []string{"PATH=" + command.Path, "HOME=/root", "USER=root", "PS1=" + path + " # "}
	if kind := os.Getenv("TERM"); kind != "" {
		env = append(env, "TERM="+kind)
	}
	return env
}
