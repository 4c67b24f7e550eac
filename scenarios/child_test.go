package scenarios_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
)

// childEnv makes the test binary a program that builds a chain, which the test then kills. Its
// value is a childOrder in JSON.
const childEnv = "NESTBED_TEST_CHILD"

// A childOrder says what the program does.
type childOrder struct {
	Source    string
	Depth     int
	SharePIDs bool
	InMemory  bool
	// LXD is the socket of an existing LXD; if it is empty, the program starts a private host.
	LXD string
	// Keep makes it keep its host, without a chain, and exit.
	Keep bool
	// Close makes it remove the chain and exit. Otherwise it fails if the test has not killed it.
	Close bool
}

// closing is the line that it prints before it removes the chain.
const closing = "closing"

// command returns the program, not yet started.
func (o childOrder) command(t *testing.T) *exec.Cmd {
	t.Helper()
	order, err := json.Marshal(o)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(order))
	cmd.Stderr = os.Stderr
	return tied(cmd)
}

// threeCoreScenarios selects three scenarios for the kinds of host that TestFeatures does not use:
// a chain that comes up, one that just fits, and one that stops. A cluster gets one for each
// member.
const threeCoreScenarios = "-test.run=^TestFeatures$/^(Three_levels_share_an_allocation_of_three_blocks|An_allocation_of_13107[12]_ids_.*)$"

// testCommand returns a command that runs tests in a new process.
func testCommand(t *testing.T, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], flags...)
	cmd.Env = os.Environ()
	return tied(cmd)
}

// beChild is the main function of the program.
func beChild() {
	var o childOrder
	err := json.Unmarshal([]byte(os.Getenv(childEnv)), &o)
	if err == nil {
		var machine environment.Machine
		if machine, err = environment.ReadMachine(); err == nil {
			err = o.run(machine.Context(context.Background()), machine)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// run prints the host's name when it is up, the name of each level, and closing.
func (o childOrder) run(ctx context.Context, machine environment.Machine) (err error) {
	source, err := bundle.ParseSource(o.Source)
	if err != nil {
		return err
	}
	b, err := machine.Store(nil).Make(ctx, source)
	if err != nil {
		return err
	}
	supply := idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: idmap.Needed(o.Depth)}
	site := start.Site{LXD: existing.LXD{Address: o.LXD}, StateRoot: stateRoot()}
	needs := start.Needs{Delegation: idmap.Delegate(supply), Bundle: b, SharePIDs: o.SharePIDs}
	if o.InMemory {
		needs.InMemory = o.Depth
	}
	h, err := site.Start(ctx, needs)
	if err != nil {
		return err
	}
	fmt.Println(h.Name())
	if o.Keep {
		return errors.Join(host.Keep(h), h.Close(ctx))
	}
	spec := harness.Cascade(o.Depth)
	spec.OnLevel = func(l *harness.Level) { fmt.Println(l.Name) }
	chain, err := harness.Build(ctx, h, spec)
	if err == nil && !o.Close {
		err = errors.New("the chain is up, but the test has not killed this program")
	}
	if err == nil {
		_, err = chain.Outcome(ctx)
	}
	fmt.Println(closing)
	return errors.Join(err, h.Close(ctx), chain.Close(ctx))
}
