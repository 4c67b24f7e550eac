package scenarios_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"nestbed/harness"
	"nestbed/harness/act/life"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
	"nestbed/harness/reach"
)

// tunneledLevels returns the levels of a chain, reached through LXD exec.
func tunneledLevels(t *testing.T, of *harness.Chain) []*harness.Level {
	t.Helper()
	harnesstest.SkipIfMissing(t, reach.FindRelay(harnesstest.Context(t), harnesstest.Store(t)))
	running, err := stateRoot().OpenTunneled(harnesstest.Context(t), of.Host.Name())
	require.NoError(t, err)
	t.Cleanup(running.Close)
	levels, err := harness.Attach(harnesstest.Context(t), running)
	require.NoError(t, err)
	t.Cleanup(func() { harness.Detach(levels) })
	require.Len(t, levels, len(of.Levels))
	for i, l := range levels {
		require.True(t, l.Root().Tunneled(), l.Name)
		l.Bundle, l.Thin = of.Levels[i].Bundle, of.Levels[i].Thin
	}
	return levels
}

// tunneledHost starts a private host whose levels are reached through LXD exec.
func tunneledHost(t testing.TB) *private.Host {
	t.Helper()
	source := harnesstest.Source(t)
	harnesstest.SkipIfMissing(t, reach.FindRelay(harnesstest.Context(t), harnesstest.Store(t)))
	h, err := private.Start(harnesstest.Context(t), private.Config{StateRoot: stateRoot(), Delegation: article, Bundle: harnesstest.Bundle(t, source), ViaExec: true, InMemory: 3})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	return h
}

// relays lists the relays that run in a level and the relay files that are still there.
func relays(t *testing.T, l *harness.Level) string {
	t.Helper()
	out, err := l.Exec(harnesstest.Context(t), "sh", "-c", `for p in /proc/[0-9]*; do
		grep -q '^NSpid:[^0-9]*[0-9]*$' $p/status 2>/dev/null && tr '\0' ' ' <$p/cmdline 2>/dev/null | grep ^/.nestbed-relay
	done; ls -a / | grep nestbed-relay; true`)
	require.NoError(t, err)
	return out
}

func TestAChainSurvivesTheEndOfItsRelays(t *testing.T) {
	if !inNewProcess(t, 1) {
		return
	}
	before := goleak.IgnoreCurrent()
	h := tunneledHost(t)
	chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(3))
	t.Cleanup(func() { assert.NoError(t, chain.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	require.NoError(t, err)
	harnesstest.AsPlanned(t, chain)
	first := chain.Levels[0]
	assert.Regexp(t, `^/\.nestbed-relay-\w+ pushed \n$`, relays(t, first), "one relay runs, and its file is removed")

	// Kill the relays of level 1 while a program runs in level 3.
	const runs = "/var/tmp/it-runs"
	last := chain.Deepest()
	stdin, open := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := last.ExecAs(harnesstest.Context(t), 0, stdin, "sh", "-c", `: >"$0"; read never`, runs)
		ended <- err
	}()
	require.Eventually(t, func() bool { _, err := last.Root().Look(harnesstest.Context(t), runs); return err == nil }, time.Minute, 10*time.Millisecond)
	_, err = first.Exec(harnesstest.Context(t), "sh", "-c", `for p in /proc/[0-9]*; do grep -q nestbed-[r]elay $p/cmdline && kill -KILL ${p#/proc/}; done; true`)
	require.NoError(t, err)
	err = <-ended
	require.NoError(t, open.Close())
	require.ErrorContains(t, err, `level 3: exec ["sh" "-c" `)
	t.Log(err)
	harnesstest.AsPlanned(t, chain)

	// Relays must end too: otherwise LXD waits for them until the restart times out.
	require.NoError(t, first.RestartLXD(harnesstest.Context(t)))
	harnesstest.AsPlanned(t, chain)
	require.NoError(t, life.RecordSIGTERM(harnesstest.Context(t), chain.Levels[2]))
	require.NoError(t, life.Restart(harnesstest.Context(t), first, false))
	require.NoError(t, chain.Reattach(harnesstest.Context(t), 3))
	wasAsked, err := life.ReceivedSIGTERM(harnesstest.Context(t), chain.Levels[2])
	require.NoError(t, err)
	assert.True(t, wasAsked, "level 3 was asked to shut down")
	first = chain.Levels[0]
	harnesstest.AsPlanned(t, chain)
	for _, l := range chain.Levels {
		l.Root().Close()
	}
	require.Eventually(t, func() bool { return relays(t, first) == "" }, time.Minute, 10*time.Millisecond, "the relays end with their input")
	_, err = first.ReadFile(harnesstest.Context(t), "/etc/subuid")
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, chain.Close(harnesstest.Context(t)))
	require.NoError(t, h.Close(harnesstest.Context(t)))
	require.NoError(t, goleak.Find(before))
}

func TestLevelsLookTheSameThroughExecAndProc(t *testing.T) {
	if !inNewProcess(t, 1) {
		return
	}
	h := harnesstest.Host(t, article)
	t.Run("as planned", func(t *testing.T) {
		chain := harnesstest.Build(t, h, harness.Cascade(3))
		checks := verifyBothWays(t, chain)
		assert.Empty(t, harness.Failed(checks))
		assert.NoError(t, chain.Close(harnesstest.Context(t)))
	})
	t.Run("one of them privileged", func(t *testing.T) {
		spec := harness.Cascade(2)
		spec.Levels[1].Config = map[string]string{idmap.KeyPrivileged: "true"}
		chain := harnesstest.Build(t, h, spec)
		checks := verifyBothWays(t, chain)
		assert.NotEmpty(t, harness.Failed(checks), "the checks say that it is privileged")
	})
}

// verifyBothWays verifies the levels through /proc and through LXD exec, requires that both give
// the same checks, and returns them.
func verifyBothWays(t *testing.T, chain *harness.Chain) []harness.Check {
	t.Helper()
	before := goleak.IgnoreCurrent()
	var direct []harness.Check
	t.Run("levels", func(t *testing.T) {
		levels := tunneledLevels(t, chain)
		var err error
		direct, err = probe.Verify(harnesstest.Context(t), chain)
		require.NoError(t, err)
		tunneled, err := probe.Verify(harnesstest.Context(t), &harness.Chain{Host: chain.Host, Spec: chain.Spec, Plan: chain.Plan, Levels: levels})
		require.NoError(t, err)
		assert.NotEmpty(t, direct)
		assert.Equal(t, direct, tunneled)
		t.Logf("%d checks", len(direct))
		for i, l := range levels {
			for _, path := range []string{"/etc/subuid", bundle.StartedFile, bundle.SentinelPath, "/nosuch"} {
				want, wantErr := chain.Levels[i].ReadFile(harnesstest.Context(t), path)
				got, err := l.ReadFile(harnesstest.Context(t), path)
				assert.Equal(t, string(want), string(got), path)
				assert.Equal(t, wantErr == nil, err == nil, "%s: %v, %v", path, wantErr, err)
			}
			for name, of := range map[string]func(ctx context.Context, l *harness.Level) (string, error){
				"user namespace": func(ctx context.Context, l *harness.Level) (string, error) { return l.Root().UserNamespace(ctx) },
				"init":           func(ctx context.Context, l *harness.Level) (string, error) { return l.Init(ctx) },
			} {
				want, err := of(harnesstest.Context(t), chain.Levels[i])
				require.NoError(t, err, name)
				got, err := of(harnesstest.Context(t), l)
				require.NoError(t, err, name)
				assert.Equal(t, want, got, name)
			}
			_, err = l.Root().Local()
			require.ErrorIs(t, err, reach.ErrTunneled)
			_, err = l.Pid()
			require.ErrorIs(t, err, reach.ErrTunneled)
		}
	})
	require.NoError(t, goleak.Find(before))
	return direct
}
