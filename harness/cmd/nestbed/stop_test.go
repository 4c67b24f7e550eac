package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/host/existing"
	"nestbed/harness/host/start"
	"nestbed/harness/internal/cleanup"
	"nestbed/harness/vm"
	"nestbed/harness/wait"
)

// commandEnv is the environment variable that makes the test binary run as the command.
const commandEnv = "NESTBED_TEST_COMMAND"

func TestMain(m *testing.M) {
	start.Init(vm.RegisterPrograms)
	if os.Getenv(commandEnv) != "" {
		main()
	}
	os.Exit(m.Run())
}

// process returns a command that runs nestbed in a process of its own. It is not started yet.
func process(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), commandEnv+"=1", "NESTBED_STATE="+filepath.Join(t.TempDir(), "state"))
	return cmd
}

// blockedInOpen waits until a thread of a process stays in open(2).
func blockedInOpen(t *testing.T, pid int) {
	t.Helper()
	before := map[string]string{}
	require.NoError(t, wait.For(t.Context(), "wait for an open that blocks", time.Minute, func(context.Context) error {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/syscall", pid))
		if err != nil {
			return err
		}
		for _, file := range files {
			now, _ := os.ReadFile(file) // fails if the thread has ended
			if strings.HasPrefix(string(now), fmt.Sprint(unix.SYS_OPENAT, " ")) && before[file] == string(now) {
				return nil
			}
			before[file] = string(now)
		}
		return fmt.Errorf("none of %d threads is in it", len(files))
	}))
}

func TestASignalEndsACommandThatIsBlockedInOpen(t *testing.T) {
	for signal, status := range map[unix.Signal]int{unix.SIGTERM: 143, unix.SIGINT: 130, unix.SIGHUP: 129} {
		for _, args := range [][]string{{"check", "--subuid"}, {"check"}, {"translate", "c1", "0", "--file"}, {"simulate", "--costs"}, {"compare", "x"}} {
			t.Run(fmt.Sprint(args[0], " ", signal), func(t *testing.T) {
				t.Parallel()
				fifo := filepath.Join(t.TempDir(), "fifo")
				require.NoError(t, unix.Mkfifo(fifo, 0o600))
				if args[0] == "compare" {
					args = []string{"compare", fifo}
				}
				cmd := process(t, append(args, fifo)...)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				require.NoError(t, cmd.Start())
				late := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
				defer late.Stop()
				blockedInOpen(t, cmd.Process.Pid)
				require.NoError(t, cmd.Process.Signal(signal))
				require.Error(t, cmd.Wait())
				assert.Equal(t, status, cmd.ProcessState.ExitCode(), cmd.ProcessState)
				assert.Equal(t, "nestbed: interrupted\n", stderr.String())
			})
		}
	}
}

func TestAFileMayBeAPipe(t *testing.T) {
	fifo := filepath.Join(t.TempDir(), "fifo")
	require.NoError(t, unix.Mkfifo(fifo, 0o600))
	cmd := process(t, "check", "--subuid", fifo, "--subgid", "/dev/fd/3")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	cmd.ExtraFiles = []*os.File{read}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Start())
	require.NoError(t, read.Close())
	require.NoError(t, os.WriteFile(fifo, []byte("root:500000:65536\n"), 0o600))
	_, err = write.WriteString("root:500000:65536\n")
	require.NoError(t, err)
	require.NoError(t, write.Close())
	require.NoError(t, cmd.Wait(), &out)
	assert.Equal(t, 2, strings.Count(out.String(), "picked  root:500000:65536"), &out)
}

// said is a writer that sends what is written to it to a channel.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// supervised runs supervise with a verb that begins the tasks and then blocks until the test
// ends.
func supervised(t *testing.T, errOut io.Writer, tasks ...cleanup.Task) (signals chan<- os.Signal, status <-chan int) {
	t.Helper()
	to, ended := make(chan os.Signal, 2), make(chan int, 1)
	begun, over := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(over) })
	go func() {
		ended <- supervise(context.WithoutCancel(t.Context()), to, errOut, func(ctx context.Context) int {
			for _, task := range tasks {
				cleanup.Begin(ctx, task)
			}
			close(begun)
			<-over
			return 0
		})
	}()
	<-begun
	return to, ended
}

func TestACommandSaysWhatItWaitsForAfterASignal(t *testing.T) {
	var errOut said
	project := cleanup.Task{What: "the LXD at /s to delete project p", Budget: time.Hour, Left: &existing.LeftError{LXD: "/s", Projects: []string{"p"}}}
	signals, status := supervised(t, &errOut, cleanup.Task{What: "a host to end", Budget: time.Millisecond}, project)
	signals <- unix.SIGTERM
	require.NoError(t, wait.For(t.Context(), "wait for a word", time.Minute, func(context.Context) error {
		if !strings.HasSuffix(errOut.String(), "\n") {
			return fmt.Errorf("it said %q", errOut.String())
		}
		return nil
	}))
	const waits = "nestbed: interrupted: waiting at most 1h0m0s for the LXD at /s to delete project p; a second signal ends this at once; to clean up later, run nestbed reap --host system:/s p\n"
	assert.Equal(t, waits, errOut.String())
	select {
	case s := <-status:
		t.Fatalf("it ended with %d", s)
	default:
	}
	signals <- unix.SIGINT
	assert.Equal(t, 130, <-status)
	assert.Equal(t, waits+"nestbed: interrupted again: did not wait for the LXD at /s to delete project p; to clean up later, run nestbed reap --host system:/s p\n", errOut.String())
}

func TestACommandDoesNotWaitLongerThanItMay(t *testing.T) {
	var errOut said
	project := cleanup.Task{What: "the LXD at /s to delete project p", Budget: time.Millisecond, Left: &existing.LeftError{LXD: "/s", Projects: []string{"p"}}}
	signals, status := supervised(t, &errOut, project)
	signals <- unix.SIGTERM
	assert.Equal(t, 143, <-status)
	assert.Equal(t, "nestbed: interrupted: did not wait for the LXD at /s to delete project p; to clean up later, run nestbed reap --host system:/s p\n", errOut.String())
}

func TestTheExitStatusIsTheVerbsUnlessASignalStoppedIt(t *testing.T) {
	for want, verb := range map[int]func(context.Context) int{
		7:   func(context.Context) int { return 7 },
		143: func(ctx context.Context) int { <-ctx.Done(); return exitFailure },
		0:   func(ctx context.Context) int { <-ctx.Done(); return 0 }, // it finished despite the signal
	} {
		signals := make(chan os.Signal, 2)
		if want != 7 {
			signals <- unix.SIGTERM
		}
		assert.Equal(t, want, supervise(t.Context(), signals, io.Discard, verb))
	}
}

func TestTheVersionIsThatOfTheBuild(t *testing.T) {
	status, stdout, stderr := nestbed(t, "--version")
	assert.Zero(t, status)
	assert.Empty(t, stderr)
	assert.Regexp(t, `^nestbed \S+ \(go1\.\S+, linux/\w+\)\n$`, stdout)
}
