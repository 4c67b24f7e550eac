package environment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
)

func TestSettingsThatAreUnsetHaveDefaults(t *testing.T) {
	for _, name := range []string{Bundle, Require, Reports, Old, New, Host, Pool, Members, Keep, "NESTBED_GUEST", "NESTBED_PATIENCE", "SUDO_USER"} {
		t.Setenv(name, "")
	}
	s, err := Read()
	require.NoError(t, err)
	assert.Equal(t, Settings{
		Old: bundle.Source{Kind: bundle.Debian, Arg: "bookworm"}, New: bundle.Source{Kind: bundle.Debian, Arg: "trixie"},
	}, s)
}

func TestSettingsAreRead(t *testing.T) {
	t.Setenv(Host, "system:/run/lxd.socket")
	t.Setenv(Members, "a,b")
	t.Setenv(Require, "all")
	t.Setenv(Keep, "1")
	s, err := Read()
	require.NoError(t, err)
	assert.Equal(t, host.Target{System: true, Address: "/run/lxd.socket"}, s.Host)
	assert.Equal(t, []string{"a", "b"}, s.Members)
	assert.True(t, s.RequireAll && s.Keep)
	t.Setenv(Keep, "0")
	s, err = Read()
	require.NoError(t, err)
	assert.False(t, s.Keep)
}

func TestASettingThatCannotBeReadIsNamed(t *testing.T) {
	for name, says := range map[string]string{
		Keep: `NESTBED_KEEP: read "perhaps", expected 1 or 0`, Host: `NESTBED_HOST: host "perhaps": not known`,
		Bundle: "NESTBED_BUNDLE: ", Old: "NESTBED_OLD: ", New: "NESTBED_NEW: ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, "perhaps")
			_, err := Read()
			require.ErrorContains(t, err, says)
		})
	}
}

func TestSettingsThatDecideWhatIsRunAreRepeated(t *testing.T) {
	t.Setenv(Bundle, "dir:/a b")
	t.Setenv("NESTBED_PATIENCE", "")
	assert.Equal(t, []string{"NESTBED_BUNDLE=dir:/a b"}, again(""))
	t.Setenv("NESTBED_PATIENCE", "10")
	assert.Equal(t, []string{"NESTBED_BUNDLE=dir:/a b", "NESTBED_PATIENCE=10"}, again(""))
	assert.Equal(t, []string{"NESTBED_HOST=vm:debian:trixie", "NESTBED_BUNDLE=dir:/a b"}, again("vm:debian:trixie"), "in a virtual machine")
}
