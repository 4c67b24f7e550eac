// Package command creates commands that end when their context ends, with every process that
// they started.
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

// settleBudget is how long Wait waits for the output of a program that has ended or was killed.
// A process that the program started may keep the output open: it may be slow to end on a busy
// machine, or have left the process group.
const settleBudget = 5 * time.Second

// New returns a command whose process group is killed when ctx ends. To set other attributes,
// change fields of its SysProcAttr; do not replace it.
func New(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:forbidigo // the one place
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return killGroup(cmd.Process) }
	cmd.WaitDelay = settleBudget
	return cmd
}

// killGroup kills the process group that p leads. Pid namespaces do not matter: the child of
// nsenter is in another one, but in the same group.
func killGroup(p *os.Process) error {
	var err error
	handled := p.WithHandle(func(pidfd uintptr) {
		err = unix.PidfdSendSignal(int(pidfd), unix.SIGKILL, nil, unix.PIDFD_SIGNAL_PROCESS_GROUP)
		if errors.Is(err, unix.EINVAL) { // before Linux 6.9; p still has its id, because Wait has not returned
			err = unix.Kill(-p.Pid, unix.SIGKILL)
		}
	})
	if err = errors.Join(handled, err); errors.Is(err, unix.ESRCH) {
		return os.ErrProcessDone
	}
	return err
}
