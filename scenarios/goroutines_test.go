package scenarios_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/existing"
	"nestbed/harness/postmortem"
	"nestbed/harness/wait"
)

// execTimesOut runs a program in the deepest level that does not end in time, and returns the
// error.
func execTimesOut(t *testing.T, chain *harness.Chain) error {
	t.Helper()
	hurried := wait.WithPatience(harnesstest.Context(t), 0.001)
	_, err := chain.Deepest().Exec(hurried, "busybox", "sleep", "100000")
	require.ErrorIs(t, err, wait.ErrTimeout)
	return err
}

func TestADiagnosisHasTheGoroutinesOfAnLXDWhoseOperationDoesNotEnd(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(2))
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) }) // before the chain's clean-up, because the host's LXD daemon has ended
	dump := `(?s)^SIGABRT: abort\n.*\ngoroutine \d+ .*main\.\(\*execWs\)\.`
	for _, depth := range []int{2, 1} { // the host last, because it ends with its LXD daemon
		chain.Levels = chain.Levels[:depth]
		d := postmortem.Diagnose(harnesstest.Context(t), chain)
		postmortem.AddGoroutines(harnesstest.Context(t), chain, d, execTimesOut(t, chain))
		for i, p := range d.Places {
			if i == depth-1 {
				assert.Regexp(t, dump, p.Goroutines)
			} else {
				assert.Empty(t, p.Goroutines)
			}
		}
		assert.Regexp(t, `its LXD's goroutines: [1-9]\d+, in goroutines.txt: operation .* \(Executing command\) was running`, d.String())
	}
}

func TestADiagnosisAbortsNoLXDUnnecessarily(t *testing.T) {
	parallel(t, 1)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	_, socket := existingLXD(t, machineAllocation, b)
	existing, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: existing.LXD{Address: socket}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, existing.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	onExisting := harnesstest.Build(t, existing, harness.Cascade(1))
	onPrivate := harnesstest.Build(t, harnesstest.Host(t, article), harness.Cascade(1))
	_, failed := onPrivate.Deepest().Exec(harnesstest.Context(t), "false")
	require.Error(t, failed)
	for chain, failure := range map[*harness.Chain]error{
		onExisting: execTimesOut(t, onExisting),
		onPrivate:  failed,
	} {
		d := postmortem.Diagnose(harnesstest.Context(t), chain)
		postmortem.AddGoroutines(harnesstest.Context(t), chain, d, failure)
		assert.NotContains(t, d.String(), "goroutines")
		_, err := chain.Deepest().Exec(harnesstest.Context(t), "true")
		require.NoError(t, err)
	}
}
