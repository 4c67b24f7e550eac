// Package harnesstest builds chains in tests. It skips a test if the machine cannot build a chain,
// fails the test if a chain should come up and does not, and closes what it made.
//
//	func TestMine(t *testing.T) {
//		h := harnesstest.Host(t, idmap.Delegate(supply))
//		chain := harnesstest.Build(t, h, harness.Cascade(2))
//		...
//	}
package harnesstest

import (
	"context"
	"errors"
	"os"
	"testing"

	lxd "github.com/canonical/lxd/client"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/advice"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
	"nestbed/harness/internal/rerun"
	"nestbed/harness/internal/standstill"
	"nestbed/harness/probe"
)

// Real skips the test under go test -short, which runs only tests that need neither root nor LXD.
func Real(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs root and LXD; run without -short")
	}
}

// Context returns the test's context. Waits under it have the patience of this machine.
func Context(t testing.TB) context.Context {
	t.Helper()
	return settings(t).Context(t.Context())
}

// Source returns the bundle's source: from NESTBED_BUNDLE, or else chosen for the machine. It
// skips the test if this machine does not have what a private host or that bundle needs.
func Source(t testing.TB) bundle.Source {
	t.Helper()
	return SourceOn(t, "")
}

// SourceOn is Source for hosts on the existing LXD at a socket; "" is for private hosts.
func SourceOn(t testing.TB, socket string) bundle.Source {
	t.Helper()
	Real(t)
	require.NoError(t, rerun.Ready()) // a mistake in the test, whatever the machine has
	of := settings(t)
	site := start.Site{LXD: existing.LXD{Address: socket}, StateRoot: private.StateRoot{Dir: of.State}}
	s, why, err := of.Choose(func(kind bundle.Kind) error { return site.Check(Context(t), Store(t), kind) })
	SkipIfMissing(t, err)
	if why != "" {
		t.Logf("%s: taking the bundle %s", why, s)
	}
	return s
}

func settings(t testing.TB) environment.Settings {
	t.Helper()
	s, err := environment.Read()
	require.NoError(t, err)
	return s
}

// SkipIfMissing skips the test if the error says that the machine does not have something. With
// NESTBED_REQUIRE=all it fails the test.
func SkipIfMissing(t testing.TB, missing error) {
	t.Helper()
	switch missing = advice.On(missing); {
	case missing == nil:
	case settings(t).RequireAll:
		t.Fatalf("%s=all, but: %v", environment.Require, missing)
	default:
		t.Skip(missing)
	}
}

// Store returns where tests keep bundles.
func Store(t testing.TB) bundle.Store {
	t.Helper()
	return settings(t).Store(func(what string) { t.Log(what) })
}

// Bundle returns the bundle of the source. It makes the bundle unless the store has it.
func Bundle(t testing.TB, s bundle.Source) *bundle.Bundle {
	t.Helper()
	Real(t)
	b, err := Store(t).Make(Context(t), s)
	require.NoError(t, advice.On(err))
	return b
}

// levelsInMemory is the number of levels for which Host wants memory. With less, it uses the disk.
const levelsInMemory = 4

// Host starts a private host with the given allocation, in memory if there is room. It closes the
// host at the end of the test. Options change the configuration, such as func(c *private.Config) {
// c.SharePIDs = true }.
func Host(t testing.TB, d idmap.Delegation, options ...func(*private.Config)) *private.Host {
	t.Helper()
	config := private.Config{StateRoot: private.StateRoot{Dir: settings(t).State}, Delegation: d, InMemory: levelsInMemory}
	for _, option := range options {
		option(&config)
	}
	if config.Bundle == nil {
		config.Bundle = Bundle(t, Source(t))
	}
	h, err := private.Start(Context(t), config)
	require.NoError(t, advice.On(err))
	late := context.WithoutCancel(Context(t))
	t.Cleanup(func() {
		if err := h.Close(late); err != nil {
			t.Error(err)
		}
	})
	return h
}

// BuildOption changes what Build expects.
type BuildOption func(*expectation)

type expectation struct{ stop *idmap.Stop }

// StopsAt makes Build expect that the chain stops at a level, in an operation and for a reason.
// Build then returns the levels above the stop.
func StopsAt(level int, op idmap.Op, why idmap.Reason) BuildOption {
	return func(e *expectation) { e.stop = &idmap.Stop{Level: level, Op: op, Reason: why} }
}

// Build builds a chain and closes it at the end of the test. The chain must be complete, unless an
// option says where it must stop.
func Build(t testing.TB, h host.Host, s harness.Spec, options ...BuildOption) *harness.Chain {
	t.Helper()
	var expected expectation
	for _, option := range options {
		option(&expected)
	}
	chain, err := harness.Build(Context(t), h, s)
	late := context.WithoutCancel(Context(t))
	t.Cleanup(func() {
		if err := chain.Close(late); err != nil {
			t.Error(advice.On(err))
		}
	})
	if expected.stop == nil {
		require.NoError(t, advice.On(err))
		return chain
	}
	require.Error(t, err, "a stop was expected: %s", expected.stop)
	stopped, is := errors.AsType[*harness.LevelError](err)
	require.True(t, is, "a stop was expected: %s; got %v", expected.stop, err)
	require.Equal(t, *expected.stop, stopped.Stop, "%v", err)
	return chain
}

// Await waits until an operation of LXD has succeeded. Unlike the operation's own Wait, it needs
// no events. err is the error of the request that started the operation.
func Await(ctx context.Context, server lxd.Server, op lxd.Operation, err error) error {
	_, err = lxdop.Await(ctx, server, op, err)
	return err
}

// AsPlanned verifies the levels of a chain and compares it with its plan; both must agree. It
// returns the outcome.
func AsPlanned(t testing.TB, chain *harness.Chain) idmap.Plan {
	t.Helper()
	checks, err := probe.Verify(Context(t), chain)
	require.NoError(t, err)
	require.Empty(t, harness.Failed(checks))
	outcome, err := chain.Outcome(Context(t))
	require.NoError(t, err)
	require.NoError(t, harness.Contradiction(chain.Plan, outcome))
	return outcome
}

// Stop stops a process with SIGSTOP. When it returns, no thread of the process runs.
func Stop(t testing.TB, p *os.Process) {
	t.Helper()
	require.NoError(t, standstill.Stop(Context(t), p))
}
