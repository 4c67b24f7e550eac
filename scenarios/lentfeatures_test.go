package scenarios_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
)

func TestTheScenariosThatNeedTheHostsAllocationOnALXDThatLendsIt(t *testing.T) {
	l := lendableLXD(t)
	before := l.state(t)
	run := featuresApart(t, "-test.run=^TestFeatures$", "-test.v", "-godog.format=progress", "-godog.tags=@requires-host-allocation")
	run.Env = append(run.Env, "NESTBED_HOST=system:"+l.socket, host.RestartEnv+"="+l.restart)
	out, err := run.CombinedOutput()
	require.Error(t, err, string(out))
	assert.Contains(t, string(out), "level 1 has isolated ids", "they are skipped with the reason")
	assert.Contains(t, string(out), "no scenario was run")
	assert.Equal(t, before, l.state(t))

	lending := featuresApart(t, run.Args[1:]...)
	lending.Env = slices.Concat(run.Env, []string{host.AllowEnv + "=1"})
	out, err = lending.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Contains(t, string(out), "scenarios on a real LXD, 1 at a time")
	assert.Equal(t, before, l.state(t))
}
