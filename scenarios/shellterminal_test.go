package scenarios_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
)

// keptChain builds a chain of one level, keeps its host until the test ends, and returns the
// host's name.
func keptChain(t *testing.T) string {
	t.Helper()
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(1))
	require.NoError(t, host.Keep(h))
	require.NoError(t, errors.Join(h.Close(harnesstest.Context(t)), chain.Close(harnesstest.Context(t))))
	t.Cleanup(func() { assert.NoError(t, stateRoot().End(context.WithoutCancel(harnesstest.Context(t)), h.Name())) })
	return h.Name()
}

// A typist is a pseudoterminal and what it has shown.
type typist struct {
	master, slave *os.File
	shown         *bufio.Reader
}

func newTypist(t *testing.T, rows, columns uint16) typist {
	t.Helper()
	master, slave, err := pty.Open()
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, errors.Join(master.Close(), slave.Close())) })
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: rows, Cols: columns}))
	return typist{master, slave, bufio.NewReader(master)}
}

// sees reads what the terminal shows, up to a word, and returns it. If the word never comes, go
// test's own time limit ends the test.
func (p typist) sees(t *testing.T, word string) string {
	t.Helper()
	var shown strings.Builder
	for !strings.Contains(shown.String(), word) {
		b, err := p.shown.ReadByte()
		require.NoError(t, err, "no %q in %q", word, &shown)
		shown.WriteByte(b)
	}
	return shown.String()
}

func (p typist) types(t *testing.T, text string) {
	t.Helper()
	_, err := p.master.WriteString(text)
	require.NoError(t, err)
}

// echoes reports whether the terminal echoes what is typed. In raw mode it does not.
func (p typist) echoes(t *testing.T) bool {
	t.Helper()
	mode, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	require.NoError(t, err)
	return mode.Lflag&unix.ECHO != 0
}

func TestAShellInALevelHasATerminalOfItsOwn(t *testing.T) {
	parallel(t, 1)
	program, chain := buildNestbed(t), keptChain(t)
	ours := newTypist(t, 33, 101)
	shell := exec.CommandContext(t.Context(), program, "shell", "--chain", chain, "c1")
	shell.Stdin, shell.Stdout, shell.Stderr = ours.slave, ours.slave, ours.slave
	shell.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, shell.Start())
	late := time.AfterFunc(4*time.Minute, func() { _ = shell.Process.Kill() })
	defer late.Stop()

	ours.sees(t, "c1 # ")
	assert.False(t, ours.echoes(t), "the terminal in the level echoes instead")
	ours.types(t, "stty size; stat -L -c 'is %t:%T.' /proc/self/fd/0 /dev/tty\n")
	ours.sees(t, "33 101\r\n")
	device := ours.sees(t, ".\r\n")
	var is unix.Stat_t
	require.NoError(t, unix.Fstat(int(ours.slave.Fd()), &is))
	assert.NotContains(t, device, fmt.Sprintf("is %x:%x.", unix.Major(is.Rdev), unix.Minor(is.Rdev)), "the device of our own terminal")
	require.NoError(t, pty.Setsize(ours.master, &pty.Winsize{Rows: 25, Cols: 77}))
	ours.types(t, "while [ \"$(stty size)\" != '25 77' ]; do :; done; echo grown | tr gr gr\n")
	ours.sees(t, "\ngrown\r\n")
	ours.types(t, "exit 7\n")
	_ = shell.Wait() // the exit status is checked below
	assert.Equal(t, 7, shell.ProcessState.ExitCode())
	assert.True(t, ours.echoes(t), "the terminal is as before")

	again := exec.CommandContext(t.Context(), program, "shell", "--chain", chain, "c1")
	again.Stdin, again.Stdout, again.Stderr = ours.slave, ours.slave, ours.slave
	again.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	require.NoError(t, again.Start())
	stuck := time.AfterFunc(4*time.Minute, func() { _ = again.Process.Kill() })
	defer stuck.Stop()
	ours.types(t, "echo rea''dy\n")
	ours.sees(t, "ready\r\n")
	require.NoError(t, again.Process.Signal(unix.SIGTERM))
	_ = again.Wait()
	assert.Equal(t, 143, again.ProcessState.ExitCode(), again.ProcessState)
	assert.True(t, ours.echoes(t), "the terminal is as before")
}

func TestAProgramInALevelGetsNoTerminal(t *testing.T) {
	parallel(t, 1)
	program, chain := buildNestbed(t), keptChain(t)
	ours := newTypist(t, 33, 101)
	const script = `for n in 0 1 2; do test -t $n && echo "terminal $n"; done; (exec 3</dev/tty) 2>/dev/null && echo controlled; cat; echo said >&2`
	cmd := exec.CommandContext(t.Context(), program, "shell", "--chain", chain, "c1", "--", "sh", "-c", script)
	cmd.Stdin, cmd.Stderr = strings.NewReader("typed\n"), ours.slave
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 2}
	require.NoError(t, cmd.Start())
	late := time.AfterFunc(4*time.Minute, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	text, err := io.ReadAll(stdout)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	assert.Equal(t, "typed\n", string(text))
	ours.sees(t, "said\r\n")
}
