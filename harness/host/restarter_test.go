package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheUnitOfALXDIsKnownByItsCgroup(t *testing.T) {
	for groups, want := range map[string]string{
		"0::/system.slice/lxd.service\n": "lxd.service",
		"12:pids:/system.slice/incus.service\n1:name=systemd:/system.slice/incus.service\n0::/system.slice/incus.service\n": "incus.service",
		"0::/system.slice/lxd.service/lxc.monitor.c1\n":                                                                     "lxd.service",
		"0::/system.slice/system-lxd.slice/lxd@1.service\n":                                                                 "lxd@1.service",
		"0::/user.slice/user-0.slice/session-1.scope\n":                                                                     "",
		"0::/user.slice/user-0.slice/user@0.service/app.slice/lxd.service\n":                                                "",
		"0::/\n": "",
		"":       "",
	} {
		assert.Equal(t, want, unitIn(groups), groups)
	}
}

func TestACommandThatFailsToRestartIsQuoted(t *testing.T) {
	by, err := restarterOf("echo masked >&2; exit 4", 1)
	require.NoError(t, err)
	require.EqualError(t, by.run(t.Context()), "restart LXD: sh -c echo masked >&2; exit 4: exit status 4: masked")
}
