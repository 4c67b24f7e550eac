package vm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/wait"
)

// parentEnv, if set, makes this binary a process that starts QEMU and waits to be killed.
const parentEnv = "NESTBED_TEST_PARENT"

// idle is a machine that never runs.
var idle = []string{"-nodefaults", "-no-user-config", "-display", "none", "-machine", "none", "-S"}

func TestMain(m *testing.M) {
	if os.Getenv(parentEnv) == "" {
		os.Exit(m.Run())
	}
	p, err := start(context.Background(), idle, io.Discard)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(p.cmd.Process.Pid)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test kills this process, or ends
}

func TestQEMUEndsWithAKilledRun(t *testing.T) {
	if _, err := findProgram(emulator); err != nil {
		t.Skip(err)
	}
	parent := exec.CommandContext(t.Context(), "/proc/self/exe")
	parent.Env = append(os.Environ(), parentEnv+"=yes")
	_, err := parent.StdinPipe()
	require.NoError(t, err)
	out, err := parent.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, parent.Start())
	pid, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	dir := "/proc/" + strings.TrimSpace(pid)
	require.DirExists(t, dir)
	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	require.NoError(t, wait.For(t.Context(), "wait for the end of QEMU", 10*time.Second, func(context.Context) error {
		if _, err := os.Stat(dir); err == nil {
			return fmt.Errorf("%s is there", dir)
		}
		return nil
	}))
}

func TestAQEMUThatCannotStartSaysWhy(t *testing.T) {
	if _, err := findProgram(emulator); err != nil {
		t.Skip(err)
	}
	c := &console{}
	p, err := start(t.Context(), append(idle, "-accel", "none-such"), c)
	require.NoError(t, err)
	<-p.done
	require.Error(t, p.err)
	assert.Contains(t, c.reason(), "none-such")
	require.NoError(t, p.kill(), "it has ended already")
}
