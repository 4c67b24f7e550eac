package steps

import (
	"testing"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v34"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/host/private"
)

func TestHostsAreKeptOnlyOnRequest(t *testing.T) {
	s := &scenario{built: built{host: &private.Host{}}, pool: &pool{}}
	kept, err := s.keep()
	require.NoError(t, err)
	assert.Nil(t, kept)
}

func TestFlagsThatSelectAScenarioAreRepeated(t *testing.T) {
	slow := &godog.Scenario{Tags: []*messages.PickleTag{{Name: Slow}}}
	s := &scenario{pool: &pool{}}
	assert.Empty(t, s.flags(&godog.Scenario{}))
	assert.Equal(t, []string{"-godog.tags=@slow"}, s.flags(slow))
	s.pool.settings.Sudo = true
	assert.Equal(t, []string{"-godog.tags=@slow", "-exec 'sudo -E'"}, s.flags(slow))
}

func TestSettingsAreQuotedForAShell(t *testing.T) {
	assert.Equal(t, []string{"NESTBED_BUNDLE='dir:/a b'"}, settings([]string{"NESTBED_BUNDLE=dir:/a b"}))
}
