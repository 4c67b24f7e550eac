package scenarios_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/act/fault"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/postmortem"
	"nestbed/harness/wait"
)

func TestADiagnosisIsCompleteWhileAnLXDIsStopped(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(2))
	require.NoError(t, fault.StopLXD(harnesstest.Context(t), chain.Levels[0]))

	d := postmortem.Diagnose(harnesstest.Context(t), chain)
	text := d.String()
	assert.NotContains(t, text, "a diagnosis has", "one daemon that does not answer does not use up all of the time")
	assert.Equal(t, chain.Plan.Levels[0].Map, d.Seen[1].Map)
	assert.Equal(t, chain.Plan.Levels[1].Map, d.Seen[2].Map, "the kernel shows the map, even if LXD does not answer")
	assert.Equal(t, chain.Plan.Levels[1].Host, d.Seen[2].Host)
	assert.Regexp(t, `uid 500000 on the host, stopped: lxd `, text)
	_, below, _ := strings.Cut(text, "\nlevel 1, ")
	of1, of2, _ := strings.Cut(below, "\nlevel 2, ")
	assert.Regexp(t, `its LXD's containers: not read: LXD has not answered`, of1)
	assert.Contains(t, of1, "security.nesting: true", "the LXD of the host answers")
	assert.Regexp(t, `configuration: not read: LXD has not answered`, of2)
	for _, part := range []string{"/etc/subuid: none", "end of LXD's log:\n", "    /proc: proc", "processes:\n    pid 1, uid 565536 on the host", "cgroup: /nestbed-" + h.Name()} {
		assert.Contains(t, of2, part)
	}
}

func TestADiagnosisShowsWhyALevelDidNotStart(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, idmap.Delegation{}) // LXD picks ids that the host does not have
	chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(1))
	t.Cleanup(func() { assert.NoError(t, chain.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	var stopped *harness.LevelError
	require.ErrorAs(t, err, &stopped)
	d := postmortem.Diagnose(harnesstest.Context(t), chain)
	text := d.String()
	assert.Contains(t, text, "stop found:   level 1, start: refused by newuidmap")
	assert.Regexp(t, `(?s)\nlevel 1, c1\n  configuration:\n    state: Stopped\n.*volatile.idmap.next: \[.*lxc.log, decisive lines:\n    lxc c1 .* ERROR .*not allowed`, text)
	require.Len(t, d.Places, 2)
}

func TestAStopThatNoLogExplainsIsExplainedByTheKernel(t *testing.T) {
	parallel(t, 1)
	hurried := wait.WithPatience(harnesstest.Context(t), 0.1)
	h, err := private.Start(hurried, private.Config{StateRoot: stateRoot(), Delegation: article, Bundle: harnesstest.Bundle(t, harnesstest.Source(t))})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	starved := harness.Cascade(2)
	starved.Levels[0].Config = map[string]string{"limits.memory": "20MB"}
	hung := harness.Cascade(1)
	hung.Hooks = []harness.Hook{fault.Fault{Level: 1, Op: idmap.OpCreate, Kind: fault.LXDStopped}.Hook()}
	for _, c := range []struct {
		spec   harness.Spec
		reason idmap.Reason
		shows  string
	}{
		{starved, idmap.DaemonDied, `^level 1: the kernel killed \d+ processes because memory ran out`},
		{hung, idmap.TimedOut, `^at level 0: pid \d+, uid 0 on the host, stopped: lxd `}, // last, because the daemon stays stopped
	} {
		chain, err := harness.Build(hurried, h, c.spec)
		var stopped *harness.LevelError
		require.ErrorAs(t, err, &stopped)
		assert.Equal(t, c.reason, stopped.Reason)
		require.NotEmpty(t, stopped.Evidence)
		assert.Regexp(t, c.shows, stopped.Evidence[0])
		if c.reason == idmap.DaemonDied {
			require.NoError(t, chain.Close(harnesstest.Context(t)))
		}
	}
}

func TestADiagnosisHasNoKeyAndNoCertificate(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(2))
	var secrets []string
	for level := range 3 {
		read := h.Root().ReadFile
		if level > 0 {
			read = chain.Levels[level-1].ReadFile
		}
		for _, file := range []string{"server.key", "server.crt"} {
			text, err := read(harnesstest.Context(t), "/var/lib/lxd/"+file)
			require.NoError(t, err)
			lines := strings.Split(strings.TrimSpace(string(text)), "\n")
			require.Greater(t, len(lines), 3, "%s of level %d", file, level)
			secrets = append(secrets, lines[1:len(lines)-1]...)
		}
	}
	files := postmortem.Diagnose(harnesstest.Context(t), chain).Files()
	names := map[string]bool{}
	for _, f := range files {
		names[f.Name] = true
		for _, secret := range secrets {
			assert.NotContains(t, string(f.Body), secret, f.Name)
		}
	}
	for _, name := range []string{"diagnosis.txt", "plan.json", "outcome.json", "0-host/lxd.log", "1-c1/lxd.log", "1-c1/lxc.log", "2-c2/lxd.log", "2-c2/lxc.log"} {
		assert.True(t, names[name], name)
	}
}
