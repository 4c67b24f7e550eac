package command_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
)

// started is a writer that closes itself at the program's first output.
type started struct {
	text bytes.Buffer
	said chan struct{}
}

func (s *started) Write(p []byte) (int, error) {
	n, err := s.text.Write(p)
	if strings.Contains(s.text.String(), "\n") && s.said != nil {
		close(s.said)
		s.said = nil
	}
	return n, err
}

// canceled runs a script and cancels it when it has written a line. It returns that line and
// how long the script took to end.
func canceled(t *testing.T, script string) (line string, took time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	said := make(chan struct{})
	out := &started{said: said}
	cmd := command.New(ctx, "sh", "-c", script)
	cmd.Stdout = out
	require.NoError(t, cmd.Start())
	<-said
	began := time.Now()
	cancel()
	err = cmd.Wait()
	return strings.TrimSpace(out.text.String()), time.Since(began), err
}

func TestACanceledCommandEndsWithItsChildren(t *testing.T) {
	read, write, err := os.Pipe() // every process of the command has its writing end
	require.NoError(t, err)
	defer read.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	cmd := command.New(ctx, "sh", "-c", "sleep 600 & echo up; sleep 600")
	cmd.ExtraFiles = []*os.File{write}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.NoError(t, write.Close())
	up := make([]byte, 3)
	_, err = io.ReadFull(out, up)
	require.NoError(t, err)

	cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := read.Read(make([]byte, 1))
		ended <- err
	}()
	select {
	case err := <-ended:
		assert.Equal(t, io.EOF, err)
	case <-time.After(30 * time.Second):
		t.Fatal("a child of the canceled command still runs")
	}
	var exit *exec.ExitError
	require.ErrorAs(t, cmd.Wait(), &exit)
}

func TestACanceledCommandDoesNotWaitForProcessesThatHoldItsOutput(t *testing.T) {
	line, took, err := canceled(t, "setsid sh -c 'echo $$; exec sleep 600'; sleep 600")
	pid, parsed := strconv.Atoi(line)
	require.NoError(t, parsed)
	p, found := os.FindProcess(pid) // a new session is not in the command's process group
	require.NoError(t, found)
	defer func() { assert.NoError(t, p.Signal(unix.SIGKILL)) }()
	require.Error(t, err)
	assert.Less(t, took, 30*time.Second)
}

func TestACommandRunsLikeAnyOther(t *testing.T) {
	out, err := command.New(t.Context(), "sh", "-c", "echo out; exit 3").Output()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	assert.Equal(t, 3, exit.ExitCode())
	assert.Equal(t, "out\n", string(out))

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, command.New(ctx, "true").Run(), context.Canceled)
}
