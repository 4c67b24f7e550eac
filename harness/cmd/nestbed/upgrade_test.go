package main

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
	"nestbed/harness/report"
	"nestbed/steps"
)

func TestTheScenariosWithBothVersionsDependOnThem(t *testing.T) {
	assert.Equal(t, steps.Versions, together(idmap.LXD, "lxd-6.2").Tags)
	assert.Equal(t, steps.Versions, together("incus-6.0.4", "incus-7.0").Tags)
	assert.Contains(t, together(idmap.LXD, idmap.Incus).Paths, "migration.feature")
	assert.NotContains(t, together(idmap.Incus, idmap.LXD).Paths, "migration.feature")
	for _, suite := range []steps.Suite{together(idmap.LXD, idmap.LXD), together(idmap.LXD, idmap.Incus), together(idmap.Incus, idmap.LXD)} {
		names, err := suite.List()
		require.NoError(t, err)
		assert.NotEmpty(t, names)
	}
}

func TestAnUpgradeIsSafeIfNothingIsWorseAndNothingFailed(t *testing.T) {
	passed := report.Run{Scenarios: []report.Scenario{{Name: "f: a", Status: report.Passed}}}
	failed := report.Run{Scenarios: []report.Scenario{{Name: "f: a", Status: report.Failed, Error: "why"}}}
	for _, c := range []struct {
		newer, both report.Run
		failed      bool
		err         string
	}{
		{passed, passed, false, ""},
		{failed, passed, false, "upgrade: the new version is worse: in 1 of 1 scenarios"},
		{passed, failed, true, "upgrade: 1 of the scenarios with both versions failed; see together above"},
	} {
		var out strings.Builder
		cmd := &cobra.Command{}
		cmd.SetOut(&out)
		f := &upgradeFlags{html: t.TempDir() + "/x.html", json: true}
		err := f.conclude(cmd, verdict{report.Compare(passed, c.newer), c.both, false}, c.failed)
		assert.Contains(t, out.String(), `"safe": `+map[bool]string{true: "true", false: "false"}[c.err == ""])
		if c.err == "" {
			require.NoError(t, err)
			continue
		}
		assert.EqualError(t, err, c.err)
	}
}
