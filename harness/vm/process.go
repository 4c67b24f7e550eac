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

// process is QEMU, which ends when this process does, however that comes.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // of its end, after done
}

// start starts QEMU. Its standard output, the guest's console, and its own errors go to console, extra files begin at portFD.
func start(ctx context.Context, args []string, console io.Writer, extra ...*os.File) (*process, error) {
	path, err := find(emulator)
	if err != nil {
		return nil, err
	}
	p := &process{cmd: command.New(ctx, path, args...), done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.ExtraFiles = console, console, extra
	p.cmd.SysProcAttr.Pdeathsig = unix.SIGKILL
	started := make(chan error)
	go func() {
		// The signal comes when the thread ends that made the process (man 2 PR_SET_PDEATHSIG).
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

// kill ends it, and waits until it has.
func (p *process) kill() error {
	err := p.cmd.Process.Kill()
	<-p.done
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}
