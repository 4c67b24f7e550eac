package scenarios_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

// The ids of an account whose only rights come from a group.
const (
	memberID = 54321
	groupID  = 54322
)

// memberDirs makes a directory that every account can read, with a directory owned by the member.
func memberDirs(t *testing.T) (dir, own string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nestbed-member-") //nolint:usetesting // that of a test is its account's alone
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	own = filepath.Join(dir, "own")
	require.NoError(t, errors.Join(os.Chmod(dir, 0o755), os.Mkdir(own, 0o700), os.Chown(own, memberID, memberID)))
	return dir, own
}

// hideEnv makes asMember hide the processes of other accounts (man 5 proc, hidepid).
const hideEnv = "NESTBED_HIDE"

// memberScript is a script that mounts the subid files in $0 over those of the machine, and then
// runs a program as user $1 in group $2.
const memberScript = `{ [ -z "$NESTBED_HIDE" ] || mount -t proc -o hidepid=2 proc /proc; } && mount --bind "$0/subuid" /etc/subuid && mount --bind "$0/subgid" /etc/subgid &&
	exec setpriv --reuid "$1" --regid "$1" --groups "$2" --no-new-privs -- "$3" "${@:4}"`

// asMember returns a command that runs as a member of the LXD's group. It sees the LXD's subid
// files as those of the machine.
func asMember(t *testing.T, dir, own string, files idmap.Delegation, program string, args ...string) *exec.Cmd {
	t.Helper()
	for name, file := range map[string]idmap.File{"subuid": files.UID, "subgid": files.GID} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(file.Text), 0o644))
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{
		"--mount", "--", "bash", "-c", memberScript, dir, fmt.Sprint(memberID), fmt.Sprint(groupID), program,
	}, args...)...)
	cmd.Dir = own
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, environment.Require+"=") || strings.HasPrefix(v, environment.State+"=")
	}), "HOME="+own, environment.Artifacts+"="+own)
	return guarded(cmd)
}

// groupLXD is like existingLXD, but its socket belongs to a group, as on a usual machine.
func groupLXD(t *testing.T, b *bundle.Bundle, dir string) (machine *private.Host, socket string) {
	t.Helper()
	state := filepath.Join(dir, "state")
	machine, _ = existingLXDIn(t, machineAllocation, b, state)
	socket = filepath.Join(state, "lxd/unix.socket")
	require.NoError(t, errors.Join(os.Chmod(state, 0o711), os.Chown(socket, 0, groupID), os.Chmod(socket, 0o660)))
	return machine, socket
}

// memberTags can select more scenarios.
var memberTags = flag.String("member.tags", "@core", "tags of the scenarios that TestCoreScenariosAsAMemberOfTheLXDGroup runs")

func TestCoreScenariosAsAMemberOfTheLXDGroup(t *testing.T) {
	parallel(t, 2)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	harnesstest.SkipIfMissing(t, reach.FindRelay(harnesstest.Context(t), harnesstest.Store(t)))
	dir, own := memberDirs(t)
	machine, socket := groupLXD(t, b, dir)
	before := serverState(t, machine.LXD())
	// The member cannot read the test binary where it is.
	binary := filepath.Join(dir, "scenarios.test")
	text, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, text, 0o755))
	run := asMember(t, dir, own, machineAllocation, binary, "-test.run=^TestFeatures$", "-test.v", "-godog.format=progress", "-godog.tags="+*memberTags, "-concurrency=2")
	run.Env = append(run.Env, "NESTBED_HOST=system:"+socket)
	out, err := run.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Regexp(t, `\n[1-9]\d* scenarios on a real LXD`, string(out))
	t.Log(string(out))
	assert.Equal(t, before, serverState(t, machine.LXD()), "the LXD is as before")
}

func TestTheCommandAsAMemberOfTheLXDGroup(t *testing.T) {
	parallel(t, 1)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	dir, own := memberDirs(t)
	copyCommands(t, dir)
	machine, socket := groupLXD(t, b, dir)
	before := serverState(t, machine.LXD())
	nestbed := func(args ...string) (string, error) {
		run := asMember(t, dir, own, machineAllocation, filepath.Join(dir, "nestbed"), args...)
		run.Env = append(run.Env, hideEnv+"=1")
		out, err := run.CombinedOutput()
		return string(out), err
	}
	// Another account's run, whose process the member cannot see.
	others, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: existing.LXD{Address: socket}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, others.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	out, err := nestbed("up", "--host", "system:"+socket, "--depth", "2")
	require.NoError(t, err, out)
	assert.Contains(t, out, "level 2 ")
	assert.NotContains(t, out, "FAIL")
	t.Log(out)

	// A bundle that root has not made yet: the error says how to make it.
	out, err = nestbed("up", "--host", "system:"+socket, "--bundle", "installed,with-client,no-newuidmap")
	require.Error(t, err)
	t.Log(out)
	assert.Contains(t, out, "run once, as root or with sudo, nestbed up --depth 1 --bundle installed,with-client,no-newuidmap")

	out, err = nestbed("reap", "--host", "system:"+socket)
	require.NoError(t, err, out)
	assert.Equal(t, "nothing to clear\n", out)
	_, _, err = machine.LXD().GetProject(others.Name())
	require.NoError(t, err, "a run that may still be alive is left alone")
	require.NoError(t, others.Close(harnesstest.Context(t)))
	out, _ = nestbed("doctor")
	t.Log(out)
	require.NoError(t, os.Chmod(socket, 0o600))
	out, err = nestbed("up", "--host", "system:"+socket)
	require.Error(t, err)
	t.Log(out)
	assert.Contains(t, out, "as a member of its group")
	assert.Equal(t, before, serverState(t, machine.LXD()), "the LXD is as before")
}
