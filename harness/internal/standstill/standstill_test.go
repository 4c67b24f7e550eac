package standstill

import (
	"os"
	"os/exec"
	"testing"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// busyEnv makes this test binary a process with four threads that stay in the kernel for long.
const busyEnv = "STANDSTILL_BUSY"

func TestMain(m *testing.M) {
	if os.Getenv(busyEnv) == "" {
		os.Exit(m.Run())
	}
	for range 4 {
		go func() {
			for {
				_, _ = os.ReadFile("/proc/self/maps")
			}
		}()
	}
	_, _ = os.Stdout.WriteString("busy\n")
	select {}
}

func TestNoThreadRunsAfterStop(t *testing.T) {
	for range 20 {
		busy := exec.Command(os.Args[0])
		busy.Env = []string{busyEnv + "=yes"}
		says, err := busy.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, busy.Start())
		t.Cleanup(func() { _, _ = busy.Process.Kill(), busy.Wait() })
		_, err = says.Read(make([]byte, 1))
		require.NoError(t, err)

		require.NoError(t, Stop(t.Context(), busy.Process))
		threads, err := procfs.AllThreads(busy.Process.Pid)
		require.NoError(t, err)
		assert.Greater(t, len(threads), 1)
		for _, thread := range threads {
			stat, err := thread.Stat()
			require.NoError(t, err)
			assert.Equal(t, "T", stat.State)
		}
	}
}

func TestAProcessThatHasEndedIsNotStopped(t *testing.T) {
	ended := exec.Command("true")
	require.NoError(t, ended.Run())
	require.ErrorIs(t, Stop(t.Context(), ended.Process), os.ErrProcessDone)
}
