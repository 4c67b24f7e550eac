package scenarios_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/environment"
)

// viaHTTPS returns the cluster as a client on the members' network reaches it, over https.
func (c *cluster) viaHTTPS(t *testing.T) *remoteLXD {
	t.Helper()
	remote := &remoteLXD{machine: c.members[0], address: "https://" + memberAddress(0) + ":8443", client: c.hub, dir: t.TempDir()}
	copyCommands(t, remote.dir)
	said, err := remote.nestbed(t, "trust", newToken(t, remote.machine.LXD()))
	require.NoError(t, err, said)
	return remote
}

// connectedFrom reports whether a client at an address is connected to port 8443 of a member
// (Documentation/networking/proc_net_tcp.rst).
func (c *cluster) connectedFrom(t *testing.T, member int, address string) bool {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", c.members[member].Pid()))
	require.NoError(t, err)
	ip := slices.Clone(net.ParseIP(address).To4())
	slices.Reverse(ip) // the kernel prints it as a little-endian number
	remote := strings.ToUpper(hex.EncodeToString(ip)) + ":"
	const established = "01"
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 3 && f[3] == established && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", 8443)) && strings.HasPrefix(f[2], remote) {
			return true
		}
	}
	return false
}

func TestAMemberIsReachedDirectlyIfPossible(t *testing.T) {
	parallel(t, 2)
	c := newCluster(t)
	remote := c.viaHTTPS(t)
	before := serverState(t, c.members[0].LXD())
	up := func() (byItself bool) {
		done := make(chan error, 1)
		var out string
		go func() {
			var err error
			out, err = remote.nestbed(t, "up", "--host", remote.address, "--members", memberName(1), "--depth", "2")
			done <- err
		}()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case err := <-done:
				require.NoError(t, err, out)
				assert.Contains(t, out, "on its member "+memberName(1))
				assert.NotContains(t, out, "FAIL")
				return byItself
			case <-tick.C:
				byItself = byItself || c.connectedFrom(t, 1, addressOfHub)
			}
		}
	}
	assert.True(t, up(), "over a direct connection")
	inNetwork(t, c.hub, "ip", "route", "add", "prohibit", memberAddress(1))
	assert.False(t, up(), "through the first member")
	assert.Equal(t, before, serverState(t, c.members[0].LXD()), "the cluster is as before")
}

func TestScenariosOnTheMembersOfAClusterOverHTTPS(t *testing.T) {
	parallel(t, 3)
	c := newCluster(t)
	remote := c.viaHTTPS(t)
	before := serverState(t, c.members[0].LXD())
	reports := filepath.Join(remote.dir, "reports")
	t.Log(remote.scenarios(t, environment.Reports+"="+reports))
	c.requireAllMembersUsed(t, reports)
	assert.Equal(t, before, serverState(t, c.members[0].LXD()), "the cluster is as before")
}
