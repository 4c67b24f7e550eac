package scenarios_test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
)

// running is the nestbed command while it runs.
type running struct {
	cmd            *exec.Cmd
	stdout, stderr *bufio.Reader
}

// startProgram starts the command with NESTBED_PATIENCE set to patience. The test kills it after
// four minutes.
func startProgram(t *testing.T, program, patience string, args ...string) *running {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Env = append(os.Environ(), environment.Patience+"="+patience)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	late := time.AfterFunc(4*time.Minute, func() { _ = cmd.Process.Kill() })
	t.Cleanup(func() { late.Stop() })
	return &running{cmd, bufio.NewReader(stdout), bufio.NewReader(stderr)}
}

// until reads up to the first line that begins with begin, and returns that line.
func until(t *testing.T, from *bufio.Reader, begin string) string {
	t.Helper()
	var before strings.Builder
	for {
		line, err := from.ReadString('\n')
		require.NoError(t, err, "no line begins with %q: %s", begin, &before)
		if strings.HasPrefix(line, begin) {
			return line
		}
		before.WriteString(line)
	}
}

// ended returns the exit status and what the command wrote to standard error.
func (r *running) ended(t *testing.T) (int, string) {
	t.Helper()
	said, err := io.ReadAll(r.stderr)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, r.stdout)
	require.NoError(t, err)
	_ = r.cmd.Wait() // the exit status is returned below
	return r.cmd.ProcessState.ExitCode(), string(said)
}

// stopDaemons stops every LXD or Incus daemon among the processes. goOn lets them run on.
func stopDaemons(t *testing.T, pids []int) (goOn func()) {
	t.Helper()
	var stopped []*os.Process
	for _, pid := range pids {
		p, err := os.FindProcess(pid)
		require.NoError(t, err)
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)) // it may have ended
		if n := strings.TrimSpace(string(name)); n == "lxd" || n == "incusd" {
			harnesstest.Stop(t, p)
			stopped = append(stopped, p)
		}
	}
	require.NotEmpty(t, stopped)
	return func() {
		for _, p := range stopped {
			_ = p.Signal(unix.SIGCONT) // it may have been killed meanwhile
		}
	}
}

func TestUpEndsOnASignalThoughItsLXDHangs(t *testing.T) {
	if !inNewProcess(t, 1) {
		return
	}
	source := harnesstest.Source(t)
	harnesstest.Bundle(t, source)
	program := buildNestbed(t)
	t.Setenv(environment.State, t.TempDir())
	for _, signal := range []unix.Signal{unix.SIGINT, unix.SIGTERM} {
		up := startProgram(t, program, "20", "up", "--bundle", source.String()) // a busy machine needs long to clean up
		until(t, up.stdout, "level 1 ")
		hosts, err := stateRoot().Leftovers()
		require.NoError(t, err)
		hosts = slices.DeleteFunc(hosts, func(h private.Leftover) bool { return h.Pid != up.cmd.Process.Pid })
		require.Len(t, hosts, 1)
		pids, err := hosts[0].Processes()
		require.NoError(t, err)
		stopDaemons(t, pids)

		require.NoError(t, up.cmd.Process.Signal(signal))
		status, said := up.ended(t)
		assert.Equal(t, 128+int(signal), status, said)
		assert.Contains(t, said, "nestbed: interrupted; everything that was made is removed")
		assert.True(t, takeInventory(t, hosts[0].Name).empty(), "nothing is left of host %s", hosts[0].Name)
	}
}

func TestUpOnAnExistingLXDSaysWhatItWaitsFor(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	program := buildNestbed(t)
	machine, socket := existingLXD(t, machineAllocation, harnesstest.Bundle(t, source))
	before := serverState(t, machine.LXD())
	up := startProgram(t, program, "1", "up", "--depth", "2", "--host", "system:"+socket, "--bundle", source.String())
	until(t, up.stdout, "level 1 ")
	pids, err := host.Processes(machine)
	require.NoError(t, err)
	goOn := stopDaemons(t, pids)
	t.Cleanup(goOn)

	require.NoError(t, up.cmd.Process.Signal(unix.SIGTERM))
	waits := until(t, up.stderr, "nestbed: interrupted: waiting at most 30s for the LXD at "+socket+" to delete project nestbed-")
	_, command, found := strings.Cut(waits, "; a second signal ends this at once; to clean up later, run nestbed ")
	require.True(t, found, waits)
	require.NoError(t, up.cmd.Process.Signal(unix.SIGINT))
	status, said := up.ended(t)
	assert.Equal(t, 130, status)
	assert.True(t, strings.HasSuffix(said, "run nestbed "+command), said)

	goOn()
	out, err := exec.CommandContext(t.Context(), program, strings.Fields(command)...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	assert.Equal(t, before, serverState(t, machine.LXD()), "the LXD is as before")
}
