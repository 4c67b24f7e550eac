package vm

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"runtime"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
)

// A process is a QEMU that is killed when this process ends for any reason.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed after the end
	err  error         // of Wait, valid after done
}

// start starts QEMU. Its standard output, which is the guest's console, and its standard error go
// to console. Extra files get descriptors from portFD on.
func start(ctx context.Context, args []string, console io.Writer, extra ...*os.File) (*process, error) {
	path, err := findProgram(emulator)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: command.New(ctx, path, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = console, console, extra
	p.cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	started := make(chan error)
	go func() {
		// The kernel sends the signal when the thread that started the process ends (man 2
		// PR_SET_PDEATHSIG).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			p.err = p.cmd.Wait()
			close(p.done)
		}
	}()
	return p, <-started
}

// kill kills QEMU and waits for its end.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
