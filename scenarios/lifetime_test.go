package scenarios_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Processes that tests start end with the test process, even if it is killed: their standard input
// is a pipe whose only writer is the test process, and they end at its end of file.
// PR_SET_PDEATHSIG would not do: it follows the parent thread, and Go ends threads.

// tiedEnv makes this test binary end with its standard input. guardEnv makes it run another
// program and kill that program when its standard input ends.
const (
	tiedEnv  = "NESTBED_TEST_TIED"
	guardEnv = "NESTBED_TEST_GUARD"
)

// tied makes a command end with this process. The command must run this test binary, directly or
// through programs that pass on their standard input.
func tied(cmd *exec.Cmd) *exec.Cmd { return withInputPipe(cmd, tiedEnv) }

// guarded makes any other command end with this process. It starts this test binary, which runs
// the command, kills it when the test process has ended, and passes on signals and the exit
// status.
func guarded(cmd *exec.Cmd) *exec.Cmd {
	cmd.Args = append([]string{"/proc/self/exe", cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/proc/self/exe"
	return withInputPipe(cmd, guardEnv)
}

func withInputPipe(cmd *exec.Cmd, env string) *exec.Cmd {
	cmd.Env = append(cmd.Environ(), env+"=1")
	if _, err := cmd.StdinPipe(); err != nil { // Wait closes the pipe
		panic(err) // the command already has an input
	}
	return cmd
}

// endWithInput makes this process exit when its standard input ends. It returns at once.
func endWithInput() {
	_ = os.Unsetenv(tiedEnv)
	go waitForInput(func() { os.Exit(1) })
}

func waitForInput(ends func()) {
	_, _ = io.Copy(io.Discard, os.Stdin)
	ends()
}

// guard runs the program in the arguments, for guarded.
func guard() {
	runtime.LockOSThread() // keeps the thread that starts the program alive, for Pdeathsig
	_ = os.Unsetenv(guardEnv)
	program := exec.Command(os.Args[1], os.Args[2:]...)
	program.Stdout, program.Stderr = os.Stdout, os.Stderr
	program.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL} // if this process is killed itself
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGPWR)
	if err := program.Start(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(127)
	}
	go waitForInput(func() { _ = program.Process.Kill() })
	go func() {
		for s := range signals {
			_ = program.Process.Signal(s)
		}
	}()
	var exit *exec.ExitError
	if err := program.Wait(); err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(127)
	}
	os.Exit(program.ProcessState.ExitCode())
}

// orphansEnv makes TestProcessesThatTestsStartEndWithThem act as the test that is killed ("test")
// or as a process that this test has started ("started").
const orphansEnv = "NESTBED_TEST_ORPHANS"

func TestProcessesThatTestsStartEndWithThem(t *testing.T) {
	switch os.Getenv(orphansEnv) {
	case "test":
		startOrphans(t)
		return
	case "started":
		select {}
	}
	test := tied(exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestProcessesThatTestsStartEndWithThem$"))
	test.Env = append(test.Env, orphansEnv+"=test")
	out, err := test.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, test.Start())
	var children []int
	for lines := bufio.NewReader(out); len(children) < 2; {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		var pid int
		_, err = fmt.Sscan(line, &pid)
		require.NoError(t, err, line)
		fd, err := unix.PidfdOpen(pid, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		children = append(children, fd)
	}
	require.NoError(t, test.Process.Kill())
	require.Error(t, test.Wait())
	for _, child := range children {
		ended, err := unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, int(tracesBudget.Milliseconds()))
		require.NoError(t, err)
		assert.Equal(t, 1, ended, "the process still runs")
	}
}

// startOrphans starts a tied and a guarded process, prints their pids, and waits to be killed.
func startOrphans(t *testing.T) {
	t.Helper()
	itself := tied(exec.CommandContext(t.Context(), "/proc/self/exe", "-test.run=^TestProcessesThatTestsStartEndWithThem$"))
	itself.Env = append(itself.Env, orphansEnv+"=started")
	other := guarded(exec.CommandContext(t.Context(), "sh", "-c", "echo $$; exec sleep 100000"))
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, itself.Start())
	require.NoError(t, other.Start())
	pid, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	fmt.Printf("%d\n%s\n", itself.Process.Pid, strings.TrimSpace(pid))
	require.NoError(t, itself.Wait())
}
