package scenarios_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
)

// byExec gives the levels of a chain as they are when they are reached by exec.
func byExec(t *testing.T, of *harness.Chain) []*harness.Level {
	t.Helper()
	harnesstest.Lacking(t, host.FindRelay(t.Context()))
	running, err := host.OpenFar(t.Context(), of.Host.Name)
	require.NoError(t, err)
	t.Cleanup(running.Close)
	levels, err := harness.Attach(t.Context(), running)
	require.NoError(t, err)
	t.Cleanup(func() { harness.Detach(levels) })
	require.Len(t, levels, len(of.Levels))
	for i, l := range levels {
		require.True(t, l.Root().Far(), l.Name)
		l.Bundle = of.Levels[i].Bundle
	}
	return levels
}

func TestLevelsThatAreReachedByExecAreSeenAsThroughProc(t *testing.T) {
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(3))
	before := goleak.IgnoreCurrent()
	t.Run("levels", func(t *testing.T) {
		levels := byExec(t, chain)
		near, err := harness.Verify(t.Context(), chain)
		require.NoError(t, err)
		far, err := harness.Verify(t.Context(), &harness.Chain{Host: h, Spec: chain.Spec, Plan: chain.Plan, Levels: levels})
		require.NoError(t, err)
		assert.Empty(t, harness.Failed(near))
		assert.Equal(t, near, far)
		t.Logf("%d checks", len(near))
		for i, l := range levels {
			for _, path := range []string{"/etc/subuid", bundle.StartedFile, bundle.SentinelPath, "/nosuch"} {
				want, wantErr := chain.Levels[i].ReadFile(path)
				got, err := l.ReadFile(path)
				assert.Equal(t, string(want), string(got), path)
				assert.Equal(t, wantErr == nil, err == nil, "%s: %v, %v", path, wantErr, err)
			}
			want, err := chain.Levels[i].Root().UserNamespace()
			require.NoError(t, err)
			got, err := l.Root().UserNamespace()
			require.NoError(t, err)
			assert.Equal(t, want, got)
			_, err = l.Root().Path(bundle.SentinelPath)
			require.ErrorIs(t, err, host.ErrFar)
			_, err = l.Pid()
			require.ErrorIs(t, err, host.ErrFar)
		}
	})
	require.NoError(t, goleak.Find(before))
}
