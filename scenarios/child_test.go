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

// childEnv makes the test binary a program that builds a chain, to be killed meanwhile; it holds the order.
const childEnv = "NESTBED_TEST_CHILD"

// childOrder is what such a program does.
type childOrder struct {
	Source    string
	Depth     int
	SharePIDs bool
	InMemory  bool
	// LXD is the socket of the one that it builds on, which runs by itself; empty: on a private one.
	LXD string
	// Keep has it keep its host, without a chain, and end.
	Keep bool
	// Close has it take the chain down and end; else it is an error that nobody has killed it.
	Close bool
}

// closing is the line by which it says that it takes the chain down now.
const closing = "closing"

// command is that program, still to be started.
func (o childOrder) command(t *testing.T) *exec.Cmd {
	t.Helper()
	order, err := json.Marshal(o)
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(order))
	cmd.Stderr = os.Stderr
	return tied(cmd)
}

// fewOfCore selects scenarios of the article and of supply: a chain that comes up, one that just fits, and one that stops. They
// stand for the others on a kind of host that TestFeatures does not use: one for each member of a cluster.
const fewOfCore = "-test.run=^TestFeatures$/^(Three_levels_share_an_allocation_of_three_blocks|An_allocation_of_13107[12]_ids_.*)$"

// runApart runs tests in a process of its own, whose results are nobody's report.
func runApart(t *testing.T, flags ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], flags...)
	cmd.Env = append(os.Environ(), environment.Reports+"=")
	return tied(cmd)
}

// beChild is that program's main.
func beChild() {
	var o childOrder
	err := json.Unmarshal([]byte(os.Getenv(childEnv)), &o)
	if err == nil {
		var machine environment.Machine
		if machine, err = environment.ReadMachine(); err == nil {
			err = o.obey(machine.Context(context.Background()), machine)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// obey says the host's name when that is up, each level that is, and when it takes them down.
func (o childOrder) obey(ctx context.Context, machine environment.Machine) (err error) {
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
		err = errors.New("the chain is up, and nobody has killed us")
	}
	if err == nil {
		_, err = chain.Outcome(ctx)
	}
	fmt.Println(closing)
	return errors.Join(err, h.Close(ctx), chain.Close(ctx))
}
