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

// An elsewhereLXD is an LXD host and a client's network namespace. The only link of that namespace
// is a veth pair to the host.
type elsewhereLXD struct {
	machine *private.Host
	address string
	here    string // the pid of a process in the client's network namespace
	dir     string // for programs and a keyring
}

func newElsewhereLXD(t *testing.T) *elsewhereLXD {
	t.Helper()
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	harnesstest.SkipIfMissing(t, reach.FindRelay(harnesstest.Context(t), harnesstest.Store(t)))
	machine, _ := ownLXD(t, ofMachine, b)
	e := &elsewhereLXD{machine: machine, address: "https://" + addressThere + ":8443", here: networkNamespace(t), dir: t.TempDir()}
	there := fmt.Sprint(machine.Pid())
	inNetwork(t, there, "ip", "link", "add", "wire", "type", "veth", "peer", "name", "wire", "netns", e.here)
	for _, end := range [][2]string{{there, addressThere}, {e.here, addressHere}} {
		inNetwork(t, end[0], "ip", "address", "add", end[1]+"/30", "dev", "wire")
		inNetwork(t, end[0], "ip", "link", "set", "wire", "up")
	}
	server, etag, err := machine.LXD().GetServer()
	require.NoError(t, err)
	config := server.Writable()
	config.Config["core.https_address"] = addressThere + ":8443"
	require.NoError(t, machine.LXD().UpdateServer(config, etag))
	return e
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
	require.NoError(t, err, "it has not said that it is there")
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

// buildCommands builds nestbed and its relay into a directory, as make build does.
func buildCommands(t *testing.T, dir string) {
	t.Helper()
	_, err := exec.LookPath("go")
	harnesstest.SkipIfMissing(t, err)
	for _, program := range []string{"nestbed", "nestbed-relay"} {
		build := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, program), "../harness/cmd/"+program)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := build.CombinedOutput()
		require.NoError(t, err, string(out))
	}
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
func (e *elsewhereLXD) nestbed(t *testing.T, args ...string) (string, error) {
	t.Helper()
	run := networkCommand(harnesstest.Context(t), e.here, append([]string{filepath.Join(e.dir, "nestbed")}, args...)...)
	run.Env = append(os.Environ(), keyringEnv+"="+filepath.Join(e.dir, "keyring"))
	out, err := guarded(run).CombinedOutput()
	return string(out), err
}

func TestTheCommandWithALXDOfAnotherMachine(t *testing.T) {
	beside(t, 1)
	e := newElsewhereLXD(t)
	buildCommands(t, e.dir)

	out, err := e.nestbed(t, "up", "--host", e.address)
	require.Error(t, err)
	assert.Contains(t, out, "nestbed does not know the certificate of the LXD at "+e.address)
	assert.Contains(t, out, "; there: lxc config trust add --name nestbed")
	out, err = e.nestbed(t, "trust", "nonsense")
	require.Error(t, err)
	assert.Contains(t, out, "give a token that `lxc config trust add --name nestbed` has printed")

	token := newToken(t, e.machine.LXD())
	out, err = e.nestbed(t, "trust", token)
	require.NoError(t, err, out)
	assert.Contains(t, out, "LXD at "+e.address+" trusts "+filepath.Join(e.dir, "keyring/client.crt"))
	before := allOf(t, e.machine.LXD())

	out, err = e.nestbed(t, "up", "--host", e.address)
	require.NoError(t, err, out)
	t.Log(out)
	assert.Contains(t, out, "level 3 ")
	assert.NotContains(t, out, "FAIL")
	assert.Equal(t, before, allOf(t, e.machine.LXD()), "the LXD is as it was")

	out, err = e.nestbed(t, "up", "--host", e.address, "--depth", "1", "--json")
	require.NoError(t, err, out)
	var result report.Result
	_, text, _ := strings.Cut(out, "{") // after the progress lines
	require.NoError(t, json.NewDecoder(strings.NewReader("{"+text)).Decode(&result), out)
	here := host.FactsOf(harnesstest.Bundle(t, harnesstest.Source(t)))
	assert.Equal(t, [2]string{here.Cgroup, here.AppArmor}, [2]string{result.Facts.Cgroup, result.Facts.AppArmor}, "level 1 has told it")

	out, err = e.nestbed(t, "reap", "--host", e.address)
	require.NoError(t, err, out)
	assert.Equal(t, "nothing to clear\n", out)

	// Another account tries the token that is used up.
	require.NoError(t, os.Rename(filepath.Join(e.dir, "keyring"), filepath.Join(e.dir, "first")))
	out, err = e.nestbed(t, "trust", token)
	require.Error(t, err)
	assert.Contains(t, out, "it rejects the token")
	// That account knows the LXD's certificate, but LXD does not know its certificate.
	servers := "servercerts"
	require.NoError(t, os.CopyFS(filepath.Join(e.dir, "keyring", servers), os.DirFS(filepath.Join(e.dir, "first", servers))))
	out, err = e.nestbed(t, "up", "--host", e.address)
	require.Error(t, err)
	assert.Contains(t, out, "it does not trust nestbed's certificate")
	assert.Equal(t, before, allOf(t, e.machine.LXD()), "the LXD is as it was")
}

func TestScenariosOnALXDOfAnotherMachine(t *testing.T) {
	beside(t, 3)
	e := newElsewhereLXD(t)
	buildCommands(t, e.dir)
	said, err := e.nestbed(t, "trust", newToken(t, e.machine.LXD()))
	require.NoError(t, err, said)
	before := allOf(t, e.machine.LXD())
	out := e.scenarios(t)
	t.Log(out)
	assert.Equal(t, before, allOf(t, e.machine.LXD()), "the LXD is as it was")
}

// scenarios runs fewOfCore in the client's network namespace, with env added to its environment,
// and returns the output.
func (e *elsewhereLXD) scenarios(t *testing.T, env ...string) string {
	t.Helper()
	run := networkCommand(harnesstest.Context(t), e.here, os.Args[0], fewOfCore, "-test.v", "-godog.format=progress", "-godog.tags=@core", "-concurrency=3")
	run.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, environment.Require+"=") })
	run.Env = append(run.Env, environment.Reports+"=", keyringEnv+"="+filepath.Join(e.dir, "keyring"), "NESTBED_HOST="+e.address)
	run.Env = append(run.Env, env...)
	out, err := tied(run).CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Regexp(t, `\n[1-9]\d* scenarios on a real LXD`, string(out))
	return strings.TrimSpace(string(out))
}
