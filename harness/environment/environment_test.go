package environment

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
)

func TestSettingsThatAreUnsetHaveDefaults(t *testing.T) {
	for _, name := range []string{Bundle, Require, Reports, Old, New, Host, Pool, Members, Keep, Cache, Artifacts, Keyring, LXDSocket, LXDDir, "NESTBED_GUEST", "NESTBED_PATIENCE", "SUDO_USER"} {
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
	t.Setenv(Cache, "/srv/cache")
	t.Setenv(Artifacts, "kept")
	t.Setenv(Keyring, "/etc/keyring")
	t.Setenv(LXDSocket, "/here")
	s, err := Read()
	require.NoError(t, err)
	assert.Equal(t, host.Target{System: true, Address: "/run/lxd.socket"}, s.Host)
	assert.Equal(t, []string{"a", "b"}, s.Members)
	assert.True(t, s.RequireAll && s.Keep)
	assert.Equal(t, Machine{Cache: "/srv/cache", Artifacts: "kept", Keyring: "/etc/keyring", Socket: "/here"}, s.Machine)
	t.Setenv(Keep, "0")
	s, err = Read()
	require.NoError(t, err)
	assert.False(t, s.Keep)
}

func TestTheSocketOfTheMachinesLXDIsTheOneThatItsClientTakes(t *testing.T) {
	system := host.Target{System: true}
	t.Setenv(LXDSocket, "")
	t.Setenv(LXDDir, "")
	assert.Equal(t, system, ReadMachine().Locate(system))
	t.Setenv(LXDDir, "/there")
	assert.Equal(t, host.Target{System: true, Address: "/there/unix.socket"}, ReadMachine().Locate(system))
	t.Setenv(LXDSocket, "/here")
	for _, c := range [][2]host.Target{
		{system, {System: true, Address: "/here"}},
		{{System: true, Address: "/elsewhere"}, {System: true, Address: "/elsewhere"}},
		{{}, {}},
		{{Suite: "trixie"}, {Suite: "trixie"}},
	} {
		assert.Equal(t, c[1], ReadMachine().Locate(c[0]))
	}
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
