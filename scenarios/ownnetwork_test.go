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

// ownNetworkEnv says that a process runs in its own network namespace.
const ownNetworkEnv = "NESTBED_TEST_OWN_NETWORK"

// ownNetwork returns the pid of this process if it runs in its own network namespace, else "".
func ownNetwork() string {
	if os.Getenv(ownNetworkEnv) == "" {
		return ""
	}
	return fmt.Sprint(os.Getpid())
}

// inOwnNetwork runs a benchmark in a new process with its own network namespace, where it can
// reach the members of a cluster, and skips it in this process. In the new process it does
// nothing.
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

// https makes this process and the cluster trust each other, and returns the cluster's address.
// The process must run in the network that connects the members.
func (c *cluster) https(b *testing.B) existing.LXD {
	b.Helper()
	dir := b.TempDir()
	k, err := keyring.Open(dir)
	require.NoError(b, err)
	address, err := k.Trust(harnesstest.Context(b), newToken(b, c.members[0].LXD()))
	require.NoError(b, err)
	return existing.LXD{Address: address, Keyring: dir}
}
