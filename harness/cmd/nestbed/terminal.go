package main

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// drainBudget is how long to wait for the last output of a program that has ended. Another
// process may still hold its terminal open.
const drainBudget = time.Second

// attach runs a command of package command with the standard files of this process, and returns
// its exit status. It never hands over a terminal: root in a container could type into it (man 2
// TIOCSTI) or read what is typed later. The program gets a new terminal or pipes instead.
func attach(cmd *exec.Cmd) (status int, err error) {
	cmd.WaitDelay = drainBudget
	run := attachPipes
	if isTerminal(os.Stdin) && isTerminal(os.Stdout) {
		run = attachTerminal
	}
	err = run(cmd)
	var exit *exec.ExitError
	switch {
	case err == nil, errors.Is(err, exec.ErrWaitDelay): // a process that it left holds its output open
		return 0, nil
	case !errors.As(err, &exit):
		return 0, err
	}
	if how, ok := exit.Sys().(syscall.WaitStatus); ok && how.Signaled() {
		return exitSignal + int(how.Signal()), nil
	}
	return exit.ExitCode(), nil
}

// attachPipes runs the command with pipes in place of terminals.
func attachPipes(cmd *exec.Cmd) error {
	// A new session has no controlling terminal, so /dev/tty cannot be opened either.
	cmd.SysProcAttr.Setpgid, cmd.SysProcAttr.Setsid = false, true
	cmd.Stdout, cmd.Stderr = throughPipe(os.Stdout), throughPipe(os.Stderr)
	if !isTerminal(os.Stdin) {
		cmd.Stdin = os.Stdin
		return cmd.Run()
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	go func() { // the command does not wait for it
		_, _ = io.Copy(stdin, os.Stdin)
		_ = stdin.Close()
	}()
	return cmd.Run()
}

// throughPipe hides a terminal behind another type, so that os/exec makes a pipe and copies.
func throughPipe(f *os.File) io.Writer {
	if isTerminal(f) {
		return struct{ io.Writer }{f}
	}
	return f
}

// attachTerminal runs the command on a new terminal of the same size, and copies between that and
// ours, which is in raw mode.
func attachTerminal(cmd *exec.Cmd) error {
	if !isTerminal(os.Stderr) {
		cmd.Stderr = os.Stderr
	}
	size, err := pty.GetsizeFull(os.Stdin)
	if err != nil {
		return err
	}
	master, err := pty.StartWithAttrs(cmd, size, &syscall.SysProcAttr{Setsid: true, Setctty: true})
	if err != nil {
		return err
	}
	defer master.Close()
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, unix.SIGWINCH)
	defer signal.Stop(resized)
	go func() {
		for range resized {
			_ = pty.InheritSize(os.Stdin, master) // on failure the old size stays
		}
	}()
	before, err := term.MakeRaw(int(os.Stdin.Fd()))
	if err != nil {
		return err
	}
	defer term.Restore(int(os.Stdin.Fd()), before) //nolint:errcheck // there is nothing left to do
	go func() { _, _ = io.Copy(master, os.Stdin) }()
	shown := make(chan struct{})
	go func() {
		_, _ = io.Copy(os.Stdout, master) // ends with EIO
		close(shown)
	}()
	err = cmd.Wait()
	select {
	case <-shown:
	case <-time.After(drainBudget):
	}
	return err
}
