// Package command makes commands that end when their context ends, together with every process they started.
package command

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// settleBudget is how long Wait waits for the output of a program that has ended, or was killed. A process that it
// started may hold the output open: one that is just ending, on a busy machine, or one that left the process group.
const settleBudget = 5 * time.Second

// New returns a command whose process group is killed when ctx ends. To set more attributes, change the fields of
// its SysProcAttr; do not replace that.
func New(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:forbidigo // the one place
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = settleBudget
	return cmd
}

// killGroup kills the process group that p leads. A pid namespace does not matter: nsenter's child, which is in
// another one, is in the group as well.
func killGroup(p *os.Process) error {
	var err error
	handled := p.WithHandle(func(pidfd uintptr) {
		err = unix.PidfdSendSignal(int(pidfd), unix.SIGKILL, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
		if errors.Is(err, unix.EINVAL) { // before Linux 6.9; Wait has not returned, so p still has its id
			err = unix.Kill(-p.Pid, unix.SIGKILL)
		}
	})
	if err = errors.Join(handled, err); errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
