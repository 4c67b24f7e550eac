package environment

import (
	"cmp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/wait"
)

func TestSettingsThatAreUnsetHaveDefaults(t *testing.T) {
	for _, name := range []string{Bundle, Require, Reports, Old, New, Host, Pool, Members, Keep, Cache, State, Artifacts, Keyring, LXDSocket, LXDDir, Guest, Patience, "SUDO_USER"} {
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
	t.Setenv(State, "/srv/state")
	t.Setenv(Artifacts, "kept")
	t.Setenv(Keyring, "/etc/keyring")
	t.Setenv(Patience, "2.5")
	t.Setenv(LXDSocket, "/here")
	s, err := Read()
	require.NoError(t, err)
	assert.Equal(t, host.Target{System: true, Address: "/run/lxd.socket"}, s.Host)
	assert.Equal(t, []string{"a", "b"}, s.Members)
	assert.True(t, s.RequireAll && s.Keep)
	assert.Equal(t, Machine{Cache: "/srv/cache", State: "/srv/state", Artifacts: "kept", Keyring: "/etc/keyring", Patience: 2.5, Socket: "/here"}, s.Machine)
	t.Setenv(Keep, "0")
	s, err = Read()
	require.NoError(t, err)
	assert.False(t, s.Keep)
}

func TestTheSocketIsTheOneThatLXDsClientUses(t *testing.T) {
	existing := host.Target{System: true}
	t.Setenv(LXDSocket, "")
	t.Setenv(LXDDir, "")
	locate := func(target host.Target) host.Target {
		m, err := ReadMachine()
		require.NoError(t, err)
		return m.Locate(target)
	}
	assert.Equal(t, existing, locate(existing))
	t.Setenv(LXDDir, "/there")
	assert.Equal(t, host.Target{System: true, Address: "/there/unix.socket"}, locate(existing))
	t.Setenv(LXDSocket, "/here")
	for _, c := range [][2]host.Target{
		{existing, {System: true, Address: "/here"}},
		{{System: true, Address: "/elsewhere"}, {System: true, Address: "/elsewhere"}},
		{{}, {}},
		{{Suite: "trixie"}, {Suite: "trixie"}},
	} {
		assert.Equal(t, c[1], locate(c[0]))
	}
}

func TestAnInvalidSettingIsNamed(t *testing.T) {
	for name, says := range map[string]string{
		Keep: `NESTBED_KEEP: read "perhaps", expected 1 or 0`, Host: `NESTBED_HOST: host "perhaps": not known`,
		Bundle: "NESTBED_BUNDLE: ", Patience: "NESTBED_PATIENCE: ", Old: "NESTBED_OLD: ", New: "NESTBED_NEW: ",
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
	t.Setenv(Patience, "")
	assert.Equal(t, []string{"NESTBED_BUNDLE=dir:/a b"}, repeatVariables(""))
	t.Setenv(Patience, "10")
	assert.Equal(t, []string{"NESTBED_BUNDLE=dir:/a b", "NESTBED_PATIENCE=10"}, repeatVariables(""))
	assert.Equal(t, []string{"NESTBED_HOST=vm:debian:trixie", "NESTBED_BUNDLE=dir:/a b"}, repeatVariables("vm:debian:trixie"), "in a virtual machine")
}

func TestPatienceIsANumber(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64 // 0: an error
	}{
		{"", 1},
		{"1", 1},
		{"2.5", 2.5},
		{"0.01", 0.01},
		{"100", 100},
		{"1e1", 10},
		{"0", 0},
		{"-1", 0},
		{"0.009", 0},
		{"101", 0},
		{"NaN", 0},
		{"Inf", 0},
		{"two", 0},
		{"3x", 0},
		{" 2", 0},
	} {
		t.Setenv(Patience, c.text)
		m, err := ReadMachine()
		assert.InDelta(t, cmp.Or(c.want, 1), wait.Patience(m.Context(t.Context())), 0, "%q", c.text)
		if c.want == 0 {
			assert.EqualError(t, err, `NESTBED_PATIENCE: read "`+c.text+`", expected a number from 0.01 to 100`)
		} else {
			assert.NoError(t, err, "%q", c.text)
		}
	}
}

func TestAVirtualMachineGetsNoPathsOfItsHost(t *testing.T) {
	for _, name := range []string{Cache, State, Host, Patience, Require, Bundle, Artifacts} {
		t.Setenv(name, "here")
	}
	got := ForGuest("trixie")(20)
	assert.Subset(t, got, []string{"NESTBED_BUNDLE=here", "NESTBED_ARTIFACTS=here", "NESTBED_PATIENCE=20", "NESTBED_GUEST=vm:debian:trixie"})
	for _, v := range got {
		assert.NotRegexp(t, "^(NESTBED_(CACHE|STATE|HOST|REQUIRE)=|NESTBED_PATIENCE=here|PATH=)", v)
	}
}
