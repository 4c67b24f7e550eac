package steps

import (
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host"
)

func TestAHostIsKeptOnlyWhereThatIsWanted(t *testing.T) {
	s := &scenario{host: &host.Host{Name: "h"}}
	for _, text := range []string{"", "0", "false"} {
		t.Setenv(keepEnv, text)
		kept, err := s.keep()
		require.NoError(t, err, text)
		assert.Nil(t, kept, text)
	}
	t.Setenv(keepEnv, "perhaps")
	_, err := s.keep()
	require.EqualError(t, err, `NESTBED_KEEP: read "perhaps", expected 1 or 0`)
}

func TestAFlagIsRepeatedWithoutWhichTheScenarioWouldNotRun(t *testing.T) {
	slow := &godog.Scenario{Tags: []*messages.PickleTag{{Name: Slow}}}
	t.Setenv("SUDO_USER", "")
	assert.Empty(t, flags(&godog.Scenario{}))
	assert.Equal(t, []string{"-godog.tags=@slow"}, flags(slow))
	t.Setenv("SUDO_USER", "somebody")
	assert.Equal(t, []string{"-godog.tags=@slow", "-exec 'sudo -E'"}, flags(slow))
}

func TestSettingsThatDecideWhatIsRunAreRepeated(t *testing.T) {
	t.Setenv("NESTBED_BUNDLE", "dir:/a b")
	t.Setenv("NESTBED_PATIENCE", "")
	assert.Equal(t, []string{"NESTBED_BUNDLE='dir:/a b'"}, settings())
	t.Setenv("NESTBED_PATIENCE", "10")
	assert.Equal(t, []string{"NESTBED_BUNDLE='dir:/a b'", "NESTBED_PATIENCE='10'"}, settings())
	t.Setenv("NESTBED_GUEST", "vm:debian:trixie")
	assert.Equal(t, []string{"NESTBED_HOST='vm:debian:trixie'", "NESTBED_BUNDLE='dir:/a b'"}, settings(), "in a virtual machine")
}
