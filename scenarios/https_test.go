package scenarios_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
	"nestbed/harness/reach"
	"nestbed/harness/report"
)

// keyringEnv names the directory of nestbed's certificates.
const keyringEnv = "NESTBED_KEYRING"

// The addresses at both ends of the veth pair.
const (
	addressThere = "10.64.0.1"
	addressHere  = "10.64.0.2"
)

// A remoteLXD is an LXD host and a client's network namespace. The only link of that namespace
// is a veth pair to the host.
type remoteLXD struct {
	machine *private.Host
	address string
	client  string // the pid of a process in the client's network namespace
	dir     string // for programs and a keyring
}

func newRemoteLXD(t *testing.T) *remoteLXD {
	t.Helper()
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	harnesstest.SkipIfMissing(t, reach.FindRelay(harnesstest.Context(t), harnesstest.Store(t)))
	machine, _ := existingLXD(t, machineAllocation, b)
	remote := &remoteLXD{machine: machine, address: "https://" + addressThere + ":8443", client: networkNamespace(t), dir: t.TempDir()}
	there := fmt.Sprint(machine.Pid())
	inNetwork(t, there, "ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", remote.client)
	for _, end := range [][2]string{{there, addressThere}, {remote.client, addressHere}} {
		inNetwork(t, end[0], "ip", "address", "add", end[1]+"/30", "dev", "wire")
		inNetwork(t, end[0], "ip", "link", "set", "wire", "up")
	}
	server, etag, err := machine.LXD().GetServer()
	require.NoError(t, err)
	config := server.Writable()
	config.Config["core.https_address"] = addressThere + ":8443"
	require.NoError(t, machine.LXD().UpdateServer(config, etag))
	return remote
}

// networkNamespace makes a network namespace and returns the pid of a process in it. Both end with
// the test.
func networkNamespace(t testing.TB) string {
	t.Helper()
	holder := exec.CommandContext(context.WithoutCancel(t.Context()), "unshare", "--net", "--", "sh", "-c", "echo; exec cat")
	in, err := holder.StdinPipe()
	require.NoError(t, err)
	out, err := holder.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, holder.Start())
	t.Cleanup(func() {
		assert.NoError(t, in.Close())
		assert.NoError(t, holder.Wait())
	})
	_, err = bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "unshare printed nothing")
	return fmt.Sprint(holder.Process.Pid)
}

// networkCommand returns a command that runs in the network namespace of a process.
func networkCommand(ctx context.Context, of string, command ...string) *exec.Cmd {
	return exec.CommandContext(ctx, "nsenter", append([]string{"--target", of, "--net", "--"}, command...)...)
}

func inNetwork(t testing.TB, of string, command ...string) {
	t.Helper()
	out, err := networkCommand(harnesstest.Context(t), of, command...).CombinedOutput()
	require.NoError(t, err, "%q: %s", command, out)
}

// newToken returns a trust token of an LXD server.
func newToken(t testing.TB, server lxd.InstanceServer) string {
	t.Helper()
	op, err := server.CreateCertificateToken(api.CertificatesPost{Name: "nestbed", Type: api.CertificateTypeClient, Token: true})
	require.NoError(t, err)
	made := op.Get()
	token, err := made.ToCertificateAddToken()
	require.NoError(t, err)
	return token.String()
}

// nestbed runs the command in the client's network namespace.
func (remote *remoteLXD) nestbed(t *testing.T, args ...string) (string, error) {
	t.Helper()
	run := networkCommand(harnesstest.Context(t), remote.client, append([]string{filepath.Join(remote.dir, "nestbed")}, args...)...)
	run.Env = append(os.Environ(), keyringEnv+"="+filepath.Join(remote.dir, "keyring"))
	out, err := guarded(run).CombinedOutput()
	return string(out), err
}

func TestTheCommandWithAnLXDOnAnotherMachine(t *testing.T) {
	parallel(t, 1)
	remote := newRemoteLXD(t)
	copyCommands(t, remote.dir)

	out, err := remote.nestbed(t, "up", "--host", remote.address)
	require.Error(t, err)
	assert.Contains(t, out, "nestbed does not know the certificate")
	assert.Contains(t, out, remote.address)
	assert.Contains(t, out, "lxc config trust add --name nestbed")
	out, err = remote.nestbed(t, "trust", "nonsense")
	require.Error(t, err)
	assert.Contains(t, out, "give a token that `lxc config trust add --name nestbed` has printed")

	token := newToken(t, remote.machine.LXD())
	out, err = remote.nestbed(t, "trust", token)
	require.NoError(t, err, out)
	assert.Contains(t, out, "LXD at "+remote.address+" trusts "+filepath.Join(remote.dir, "keyring/client.crt"))
	before := serverState(t, remote.machine.LXD())

	out, err = remote.nestbed(t, "up", "--host", remote.address)
	require.NoError(t, err, out)
	t.Log(out)
	assert.Contains(t, out, "level 3 ")
	assert.NotContains(t, out, "FAIL")
	assert.Equal(t, before, serverState(t, remote.machine.LXD()), "the LXD is as before")

	out, err = remote.nestbed(t, "up", "--host", remote.address, "--depth", "1", "--json")
	require.NoError(t, err, out)
	var result report.Result
	_, text, _ := strings.Cut(out, "{") // after the progress lines
	require.NoError(t, json.NewDecoder(strings.NewReader("{"+text)).Decode(&result), out)
	here := host.FactsOf(harnesstest.Bundle(t, harnesstest.Source(t)))
	assert.Equal(t, [2]string{here.Cgroup, here.AppArmor}, [2]string{result.Facts.Cgroup, result.Facts.AppArmor}, "level 1 reported these facts")

	out, err = remote.nestbed(t, "reap", "--host", remote.address)
	require.NoError(t, err, out)
	assert.Equal(t, "nothing to clear\n", out)

	// Another account tries the token that is used up.
	require.NoError(t, os.Rename(filepath.Join(remote.dir, "keyring"), filepath.Join(remote.dir, "first")))
	out, err = remote.nestbed(t, "trust", token)
	require.Error(t, err)
	assert.Contains(t, out, "it rejects the token")
	// That account knows the LXD's certificate, but LXD does not know its certificate.
	servers := "servercerts"
	require.NoError(t, os.CopyFS(filepath.Join(remote.dir, "keyring", servers), os.DirFS(filepath.Join(remote.dir, "first", servers))))
	out, err = remote.nestbed(t, "up", "--host", remote.address)
	require.Error(t, err)
	assert.Contains(t, out, "it does not trust nestbed's certificate")
	assert.Equal(t, before, serverState(t, remote.machine.LXD()), "the LXD is as before")
}

func TestScenariosOnAnLXDOnAnotherMachine(t *testing.T) {
	parallel(t, 3)
	remote := newRemoteLXD(t)
	copyCommands(t, remote.dir)
	said, err := remote.nestbed(t, "trust", newToken(t, remote.machine.LXD()))
	require.NoError(t, err, said)
	before := serverState(t, remote.machine.LXD())
	out := remote.scenarios(t)
	t.Log(out)
	assert.Equal(t, before, serverState(t, remote.machine.LXD()), "the LXD is as before")
}

// scenarios runs threeCoreScenarios in the client's network namespace, with env added to its
// environment, and returns the output.
func (remote *remoteLXD) scenarios(t *testing.T, env ...string) string {
	t.Helper()
	run := networkCommand(harnesstest.Context(t), remote.client, os.Args[0], threeCoreScenarios, "-test.v", "-godog.format=progress", "-godog.tags=@core", "-concurrency=3")
	run.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, environment.Require+"=") })
	run.Env = append(run.Env, keyringEnv+"="+filepath.Join(remote.dir, "keyring"), "NESTBED_HOST="+remote.address)
	run.Env = append(run.Env, env...)
	out, err := tied(run).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Regexp(t, `\n[1-9]\d* scenarios on a real LXD`, string(out))
	return strings.TrimSpace(string(out))
}
