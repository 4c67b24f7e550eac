package steps

import (
	"testing"

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

func TestSettingsThatDecideWhatIsRunAreRepeated(t *testing.T) {
	t.Setenv("NESTBED_BUNDLE", "dir:/a b")
	t.Setenv("NESTBED_PATIENCE", "")
	assert.Equal(t, []string{"NESTBED_BUNDLE='dir:/a b'"}, settings())
}
