package private

import (
	"fmt"
	"os"
	"os/exec"
	"sync"

	"golang.org/x/sys/unix"
)

// daemonProcess is the stage's LXD. The stage's main thread starts it: it is the one in the cgroup namespace.
type daemonProcess struct {
	mu       sync.Mutex
	pid      int
	process  *os.Process // of that pid; a signal reaches it or nobody
	restarts bool        // it was told to end, and shall be started again
	end      func()      // ends the stage, and with it the host
}

func (d *daemonProcess) start() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	cmd := exec.Command("/usr/lib/nestbed/lxd") //nolint:forbidigo,noctx // it ends with the host
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start LXD: %w", err)
	}
	d.pid, d.process, d.restarts = cmd.Process.Pid, cmd.Process, false
	return nil
}

// restart has LXD end by a signal. The stage's main thread starts it again.
func (d *daemonProcess) restart(by unix.Signal) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pid != 0 {
		d.restarts = true
		_ = d.process.Signal(by) // if it has just ended, that is noticed where processes are waited for
	}
}

// goesOnAfter reports whether the host lives on after a process has ended: LXD is
// started again if it ended for that.
func (d *daemonProcess) goesOnAfter(pid int) bool {
	d.mu.Lock()
	ended, restarts := pid == d.pid, d.restarts
	d.mu.Unlock()
	return !ended || restarts && d.start() == nil
}
