package scenarios_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/act/fault"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
)

func TestShellEntersALevelOfAKeptChain(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(2))
	nestbed := nestbedCommand(t)
	// A shell must work even if LXD does not answer: that is when one is needed.
	require.NoError(t, fault.StopLXD(harnesstest.Context(t), chain.Levels[0]))
	require.NoError(t, host.Keep(h))
	require.NoError(t, errors.Join(h.Close(harnesstest.Context(t)), chain.Close(harnesstest.Context(t))))
	t.Cleanup(func() {
		assert.NoError(t, stateRoot().End(context.WithoutCancel(harnesstest.Context(t)), h.Name()))
		assertNothingLeft(t, h.Name())
	})

	stdout, stderr, status := nestbed("shell", "--chain", h.Name(), "c1/c2", "--", "id", "-u")
	assert.Equal(t, "0\n", stdout, stderr)
	assert.Zero(t, status)
	stdout, _, _ = nestbed("shell", "--chain", h.Name(), "c1/c2", "--", "cat", "/proc/self/uid_map")
	assert.Equal(t, []string{"0", "65536", "65536"}, strings.Fields(stdout), "level 2's own map")
	_, _, status = nestbed("shell", "--chain", h.Name(), "c1/c2", "--", "sh", "-c", "exit 7")
	assert.Equal(t, 7, status)
	stdout, _, _ = nestbed("shell", "--chain", h.Name(), "host", "--", "cat", "/etc/subuid")
	assert.Equal(t, "root:500000:196608\n", stdout)
	stdout, _, _ = nestbed("shell", "--chain", h.Name(), "c1", "--", "hostname")
	assert.Equal(t, "c1\n", stdout)

	_, stderr, status = nestbed("shell", "--chain", h.Name(), "c1/c9", "--", "id")
	assert.Equal(t, 1, status)
	assert.Equal(t, fmt.Sprintf("nestbed: host %s: container c1/c9 does not run; running at that level: [\"c2\"]\n", h.Name()), stderr)
	_, stderr, status = nestbed("shell", "--chain", h.Name(), "c1/c2/c3", "--", "id")
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "container c1/c2/c3 does not run; running at that level: []")
}
