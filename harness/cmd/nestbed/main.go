// Command nestbed builds chains of nested unprivileged containers on a real LXD and shows the
// results.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"nestbed/harness/advice"
	"nestbed/harness/environment"
	"nestbed/harness/host/start"
	"nestbed/harness/vm"
)

// The exit statuses are the same for every verb.
const (
	exitFailure = 1 // it does not work
	exitUsage   = 2 // wrong use
)

func main() {
	start.Init(vm.RegisterPrograms)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, unix.SIGTERM, unix.SIGHUP)
	machine, _ := environment.ReadMachine() // run reports the error
	ctx := machine.Context(context.Background())
	os.Exit(supervise(ctx, signals, newScreen(os.Stderr), func(ctx context.Context) int { return run(ctx, os.Args[1:]) }))
}

func run(ctx context.Context, args []string) int {
	machine, wrong := environment.ReadMachine()
	root := newRoot(machine)
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if wrong != nil {
			return &usageError{wrong}
		}
		return nil
	}
	root.SetArgs(args)
	out, errOut := newScreen(os.Stdout), newScreen(os.Stderr)
	root.SetOut(out)
	root.SetErr(errOut)
	err := advice.On(errors.Join(root.ExecuteContext(ctx), out.Flush(), errOut.Flush()))
	var usage *usageError
	var status statusError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status) // the error was printed already
	case errors.As(err, &usage):
		fmt.Fprintln(errOut, "nestbed:", err)
		return exitUsage
	default:
		fmt.Fprintln(errOut, "nestbed:", err)
		return exitFailure
	}
}

// usageError is an error in how the command was called.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// statusError is the exit status of a program that has printed its errors itself.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// newRoot returns the command with all verbs, for a machine with these settings.
func newRoot(m environment.Machine) *cobra.Command {
	root := &cobra.Command{
		Use:   "nestbed",
		Short: "Verify on a real LXD that unprivileged containers nest",
		Long: `nestbed builds chains of nested unprivileged containers (c3 in c2 in c1) on a
real LXD, in its own namespaces, and verifies that every level has the ids that
its allocation promises. It does not touch the machine's LXD, /etc or network.

Exit status: 0 works, 1 does not work, 2 wrong use, 128 + N stopped by signal N.
Environment: NESTBED_CACHE     where bundles are kept (/var/cache/nestbed)
             NESTBED_STATE     where running chains keep their state (/var/lib/nestbed)
             NESTBED_KEYRING   certificates for LXDs on other machines (~/.config/nestbed)
             NESTBED_PATIENCE  factor for every time limit, for slow machines (1)`,
		Example: `  nestbed up                # build and verify c1/c2/c3
  nestbed plan --depth 5    # what does depth 5 need?
  nestbed doctor            # what is this machine missing?`,
		Version:       thisBuild().String(),
		SilenceErrors: true,
		SilenceUsage:  true,
		// Without a verb, print the help.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		Args: wrongUse(cobra.NoArgs),
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
	})
	root.SetVersionTemplate("nestbed {{.Version}}\n")
	cobra.EnableCommandSorting = false // the help lists the usual ones first
	addGroup(root, "Chains:", newUp(m), newShell(m), newReap(m))
	addGroup(root, "Plan and check, without building:", newPlan(), newCheck(), newTranslate(m), newSimulate(m), newExplain())
	addGroup(root, "Scenarios:", newTest(), newInit(), newUpgrade(m), newSteps(), newCompare(), newVersions())
	addGroup(root, "This machine:", newDoctor(m), newTrust(m), newVersion())
	root.AddGroup(&cobra.Group{ID: "more", Title: "More:"})
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	root.AddCommand(newMan())
	return root
}

// addGroup adds verbs to the help under a title, in this order.
func addGroup(root *cobra.Command, title string, verbs ...*cobra.Command) {
	root.AddGroup(&cobra.Group{ID: title, Title: title})
	for _, verb := range verbs {
		verb.GroupID = title
		root.AddCommand(verb)
	}
}

// wrongUse turns the error of an argument check into a usageError.
func wrongUse(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return &usageError{fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())}
		}
		return nil
	}
}
