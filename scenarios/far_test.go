package scenarios_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"nestbed/harness"
	"nestbed/harness/artifact"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// byExec gives the levels of a chain as they are when they are reached by exec.
func byExec(t *testing.T, of *harness.Chain) []*harness.Level {
	t.Helper()
	harnesstest.Lacking(t, host.FindRelay(t.Context()))
	running, err := host.OpenFar(t.Context(), of.Host.Name)
	require.NoError(t, err)
	t.Cleanup(running.Close)
	levels, err := harness.Attach(t.Context(), running)
	require.NoError(t, err)
	t.Cleanup(func() { harness.Detach(levels) })
	require.Len(t, levels, len(of.Levels))
	for i, l := range levels {
		require.True(t, l.Root().Far(), l.Name)
		l.Bundle = of.Levels[i].Bundle
	}
	return levels
}

// farHost is a private host whose levels are reached by exec.
func farHost(t testing.TB) *host.Host {
	t.Helper()
	source := harnesstest.Source(t)
	harnesstest.Lacking(t, host.FindRelay(t.Context()))
	h, err := host.Private(t.Context(), host.Config{Delegation: article, Bundle: harnesstest.Bundle(t, source), Far: true})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close(context.Background())) })
	return h
}

// relays are the relays in a level, and what is left of their files.
func relays(t *testing.T, l *harness.Level) string {
	t.Helper()
	out, err := l.Exec(t.Context(), "sh", "-c", `for p in /proc/[0-9]*; do
		grep -q '^NSpid:[^0-9]*[0-9]*$' $p/status 2>/dev/null && tr '\0' ' ' <$p/cmdline 2>/dev/null | grep ^/.nestbed-relay
	done; ls -a / | grep nestbed-relay; true`)
	require.NoError(t, err)
	return out
}

func TestAChainIsBuiltAndSurvivesThatItsRelaysEnd(t *testing.T) {
	before := goleak.IgnoreCurrent()
	h := farHost(t)
	chain, err := harness.Build(t.Context(), h, harness.Cascade(3))
	t.Cleanup(func() { assert.NoError(t, chain.Close(context.Background())) })
	require.NoError(t, err)
	verify := func() {
		checks, err := harness.Verify(t.Context(), chain)
		require.NoError(t, err)
		require.Empty(t, harness.Failed(checks))
		outcome, err := chain.Outcome(t.Context())
		require.NoError(t, err)
		require.NoError(t, harness.Contradiction(chain.Plan, outcome))
	}
	verify()
	first := chain.Levels[0]
	assert.Regexp(t, `^/\.nestbed-relay-\w+ pushed \n$`, relays(t, first), "one that runs, whose file is gone")

	// In the middle of a program of a level further in.
	const runs = "/var/tmp/it-runs"
	last := chain.Deepest()
	stdin, open := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := last.ExecAs(t.Context(), 0, stdin, "sh", "-c", `: >"$0"; read never`, runs)
		ended <- err
	}()
	require.Eventually(t, func() bool { _, err := last.Root().Look(runs); return err == nil }, time.Minute, 10*time.Millisecond)
	_, err = first.Exec(t.Context(), "sh", "-c", `for p in /proc/[0-9]*; do grep -q nestbed-[r]elay $p/cmdline && kill -KILL ${p#/proc/}; done; true`)
	require.NoError(t, err)
	err = <-ended
	require.NoError(t, open.Close())
	require.ErrorContains(t, err, `level 3: exec ["sh" "-c" `)
	t.Log(err)
	verify()

	// A LXD would wait for them, until somebody's patience ends.
	require.NoError(t, first.RestartLXD(t.Context()))
	verify()
	require.NoError(t, chain.Levels[2].LeaveWord(t.Context()))
	require.NoError(t, first.Restart(t.Context(), false))
	require.NoError(t, chain.Reattach(t.Context(), 3))
	wasAsked, err := chain.Levels[2].WasAsked()
	require.NoError(t, err)
	assert.True(t, wasAsked, "level 3 ended with notice")
	first = chain.Levels[0]
	verify()
	for _, l := range chain.Levels {
		l.Root().Close()
	}
	require.Eventually(t, func() bool { return relays(t, first) == "" }, time.Minute, 10*time.Millisecond, "they end with their input")
	_, err = first.ReadFile("/etc/subuid")
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, chain.Close(t.Context()))
	require.NoError(t, h.Close(t.Context()))
	require.NoError(t, goleak.Find(before))
}

func TestLevelsThatAreReachedByExecAreSeenAsThroughProc(t *testing.T) {
	h := harnesstest.Host(t, article)
	t.Run("as planned", func(t *testing.T) {
		chain := harnesstest.Build(t, h, harness.Cascade(3))
		checks := seenBothWays(t, chain)
		assert.Empty(t, harness.Failed(checks))
		assert.NoError(t, chain.Close(t.Context()))
	})
	t.Run("one of them privileged", func(t *testing.T) {
		spec := harness.Cascade(2)
		spec.Levels[1].Config = map[string]string{idmap.KeyPrivileged: "true"}
		chain := harnesstest.Build(t, h, spec)
		checks := seenBothWays(t, chain)
		assert.NotEmpty(t, harness.Failed(checks), "it is told that it is")
	})
}

// seenBothWays holds what is seen of the levels through /proc against what is seen by exec, and gives it.
func seenBothWays(t *testing.T, chain *harness.Chain) []harness.Check {
	t.Helper()
	before := goleak.IgnoreCurrent()
	var near []harness.Check
	t.Run("levels", func(t *testing.T) {
		levels := byExec(t, chain)
		var err error
		near, err = harness.Verify(t.Context(), chain)
		require.NoError(t, err)
		far, err := harness.Verify(t.Context(), &harness.Chain{Host: chain.Host, Spec: chain.Spec, Plan: chain.Plan, Levels: levels})
		require.NoError(t, err)
		assert.NotEmpty(t, near)
		assert.Equal(t, near, far)
		t.Logf("%d checks", len(near))
		for i, l := range levels {
			for _, path := range []string{"/etc/subuid", bundle.StartedFile, bundle.SentinelPath, "/nosuch"} {
				want, wantErr := chain.Levels[i].ReadFile(path)
				got, err := l.ReadFile(path)
				assert.Equal(t, string(want), string(got), path)
				assert.Equal(t, wantErr == nil, err == nil, "%s: %v, %v", path, wantErr, err)
			}
			for name, of := range map[string]func(l *harness.Level) (string, error){
				"user namespace": func(l *harness.Level) (string, error) { return l.Root().UserNamespace() }, "init": (*harness.Level).Init,
			} {
				want, err := of(chain.Levels[i])
				require.NoError(t, err, name)
				got, err := of(l)
				require.NoError(t, err, name)
				assert.Equal(t, want, got, name)
			}
			_, err = l.Root().Path(bundle.SentinelPath)
			require.ErrorIs(t, err, host.ErrFar)
			_, err = l.Pid()
			require.ErrorIs(t, err, host.ErrFar)
		}
	})
	require.NoError(t, goleak.Find(before))
	return near
}

// stateEnv is where private hosts have their state.
const stateEnv = "NESTBED_STATE"

// The ids of an account that has no rights but those of a group.
const (
	memberID = 54321
	groupID  = 54322
)

// forMember is a directory into which any account may look, with one in it that is the member's own.
func forMember(t *testing.T) (dir, own string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "nestbed-member-") //nolint:usetesting // that of a test is its account's alone
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	own = filepath.Join(dir, "own")
	require.NoError(t, errors.Join(os.Chmod(dir, 0o755), os.Mkdir(own, 0o700), os.Chown(own, memberID, memberID)))
	return dir, own
}

// hideEnv has a command run as where other accounts' processes are not shown (man 5 proc, hidepid).
const hideEnv = "NESTBED_HIDE"

// onThatMachine mounts the subid files of a LXD over the machine's, for one program alone, which becomes that of an account.
const onThatMachine = `{ [ -z "$NESTBED_HIDE" ] || mount -t proc -o hidepid=2 proc /proc; } && mount --bind "$0/subuid" /etc/subuid && mount --bind "$0/subgid" /etc/subgid &&
	exec setpriv --reuid "$1" --regid "$1" --groups "$2" --no-new-privs -- "$3" "${@:4}"`

// asMember is a command that a member of the LXD's group runs on its machine: with the files that this LXD has as those of the machine.
func asMember(t *testing.T, dir, own string, files idmap.Delegation, program string, args ...string) *exec.Cmd {
	t.Helper()
	for name, file := range map[string]idmap.File{"subuid": files.UID, "subgid": files.GID} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(file.Text), 0o644))
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append([]string{
		"--mount", "--", "bash", "-c", onThatMachine, dir, fmt.Sprint(memberID), fmt.Sprint(groupID), program,
	}, args...)...)
	cmd.Dir = own
	cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, harnesstest.RequireEnv+"=") || strings.HasPrefix(v, stateEnv+"=")
	}), "HOME="+own, artifact.Env+"="+own, reportsEnv+"=")
	return cmd
}

// groupLXD is ownLXD, of which the socket belongs to a group as that of a machine's does.
func groupLXD(t *testing.T, b *bundle.Bundle, dir string) (machine *host.Host, socket string) {
	t.Helper()
	state := filepath.Join(dir, "state")
	machine, _ = ownLXDIn(t, ofMachine, b, state)
	socket = filepath.Join(state, "lxd/unix.socket")
	require.NoError(t, errors.Join(os.Chmod(state, 0o711), os.Chown(socket, 0, groupID), os.Chmod(socket, 0o660)))
	return machine, socket
}

// memberTags is for who wants to see more scenarios run so.
var memberTags = flag.String("member.tags", "@core", "scenarios that TestTheCoreOfTheScenariosAsAMemberOfTheGroup runs")

func TestTheCoreOfTheScenariosAsAMemberOfTheGroup(t *testing.T) {
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	harnesstest.Lacking(t, host.FindRelay(t.Context()))
	dir, own := forMember(t)
	machine, socket := groupLXD(t, b, dir)
	before := allOf(t, machine.LXD())
	// The tests' binary lies where only its account may look.
	binary := filepath.Join(dir, "scenarios.test")
	text, err := os.ReadFile(os.Args[0])
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(binary, text, 0o755))
	run := asMember(t, dir, own, ofMachine, binary, "-test.run=^TestFeatures$", "-test.v", "-godog.format=progress", "-godog.tags="+*memberTags)
	run.Env = append(run.Env, "NESTBED_HOST=system:"+socket)
	out, err := run.CombinedOutput()
	require.NoError(t, err, string(out))
	assert.Regexp(t, `\n[1-9]\d* scenarios on a real LXD`, string(out))
	t.Log(string(out))
	assert.Equal(t, before, allOf(t, machine.LXD()), "the LXD is as it was")
}

func TestTheCommandAsAMemberOfTheGroup(t *testing.T) {
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	_, err := exec.LookPath("go")
	harnesstest.Lacking(t, err)
	dir, own := forMember(t)
	machine, socket := groupLXD(t, b, dir)
	before := allOf(t, machine.LXD())
	buildCommands(t, dir)
	nestbed := func(args ...string) (string, error) {
		run := asMember(t, dir, own, ofMachine, filepath.Join(dir, "nestbed"), args...)
		run.Env = append(run.Env, hideEnv+"=1")
		out, err := run.CombinedOutput()
		return string(out), err
	}
	// Somebody else's run, whose process this account is not shown.
	others, err := host.System(t.Context(), host.Config{Delegation: article, Bundle: b, LXD: socket})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, others.Close(context.Background())) })
	out, err := nestbed("up", "--host", "system:"+socket, "--depth", "2")
	require.NoError(t, err, out)
	assert.Contains(t, out, "level 2 ")
	assert.NotContains(t, out, "FAIL")
	t.Log(out)

	// Another's bundle: what makes it is said.
	out, err = nestbed("up", "--host", "system:"+socket, "--bundle", "installed,with-client,no-newuidmap")
	require.Error(t, err)
	t.Log(out)
	assert.Contains(t, out, "run once, as root or with sudo, nestbed up --depth 1 --bundle installed,with-client,no-newuidmap")

	out, err = nestbed("reap", "--host", "system:"+socket)
	require.NoError(t, err, out)
	assert.Equal(t, "nothing to clear\n", out)
	_, _, err = machine.LXD().GetProject(others.Name)
	require.NoError(t, err, "what may still run is left alone")
	require.NoError(t, others.Close(t.Context()))
	out, _ = nestbed("doctor")
	t.Log(out)
	require.NoError(t, os.Chmod(socket, 0o600))
	out, err = nestbed("up", "--host", "system:"+socket)
	require.Error(t, err)
	t.Log(out)
	assert.Contains(t, out, "mend it with: run it as root, or as a member of its group")
	assert.Equal(t, before, allOf(t, machine.LXD()), "the LXD is as it was")
}
