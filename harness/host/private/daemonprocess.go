package private

import (
	"fmt"
	"os"
	"os/exec"
	"sync"

	"golang.org/x/sys/unix"
)

// daemonProcess is the LXD that a stage runs. The stage's main thread must start it, because only
// that thread is in the cgroup namespace.
type daemonProcess struct {
	mu         sync.Mutex
	pid        int
	process    *os.Process // of that pid; cannot signal another process
	restarting bool        // it was told to end and must be started again
	end        func()      // ends the stage, and with it the host
}

func (d *daemonProcess) start() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	cmd := exec.Command("/usr/lib/nestbed/lxd") //nolint:forbidigo,noctx // it ends with the host
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start LXD: %w", err)
	}
	d.pid, d.process, d.restarting = cmd.Process.Pid, cmd.Process, false
	return nil
}

// restart sends LXD a signal to end. The stage's main thread then starts it again.
func (d *daemonProcess) restart(by unix.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pid != 0 {
		d.restarting = true
		_ = d.process.Signal(by) // fails if it has just ended, which reap notices
	}
}

// handleExit reports whether the host lives on after process pid has ended. If pid was LXD and
// restart was called, handleExit starts LXD again.
func (d *daemonProcess) handleExit(pid int) bool {
	d.mu.Lock()
	ended, restarting := pid == d.pid, d.restarting
	d.mu.Unlock()
	return !ended || restarting && d.start() == nil
}
