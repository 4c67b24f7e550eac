package scenarios_test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
	"nestbed/harness/host/existing"
	"nestbed/harness/keyring"
)

// ownNetworkEnv tells a process that it is the only one in its network namespace.
const ownNetworkEnv = "NESTBED_TEST_OWN_NETWORK"

// ownNetwork is the id of this process, if it is the only one in its network namespace, else "".
func ownNetwork() string {
	if os.Getenv(ownNetworkEnv) == "" {
		return ""
	}
	return fmt.Sprint(os.Getpid())
}

// inOwnNetwork runs a benchmark in a process that has a network namespace of its own, in which it can reach the members of a cluster, and skips it here;
// in that process it lets it go on.
func inOwnNetwork(b *testing.B) {
	b.Helper()
	if ownNetwork() != "" {
		return
	}
	args := []string{"--net", "--", os.Args[0]}
	for _, arg := range os.Args[1:] {
		if !strings.HasPrefix(arg, "-test.bench=") && !strings.HasPrefix(arg, "-test.testlogfile=") {
			args = append(args, arg)
		}
	}
	run := exec.CommandContext(b.Context(), "unshare", append(args, "-test.bench=^"+b.Name()+"$")...)
	run.Env = append(os.Environ(), ownNetworkEnv+"=1")
	run.Stdout, run.Stderr = os.Stdout, os.Stderr
	require.NoError(b, tied(run).Run())
	b.SkipNow()
}

// https is the cluster's address for this process, which is in the network that connects the members, when both trust each other.
func (c *cluster) https(b *testing.B) existing.LXD {
	b.Helper()
	dir := b.TempDir()
	k, err := keyring.Open(dir)
	require.NoError(b, err)
	address, err := k.Trust(harnesstest.Context(b), newToken(b, c.members[0].LXD()))
	require.NoError(b, err)
	return existing.LXD{Address: address, Keyring: dir}
}
