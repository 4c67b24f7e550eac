// Package standstill stops processes.
package standstill

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"

	"nestbed/harness/wait"
)

// budget is the time for all threads of a process to stop.
const budget = 10 * time.Second

// Stop stops a process and returns when none of its threads runs. SIGSTOP alone does not wait
// for that: a thread stops when it next leaves the kernel (kernel: kernel/signal.c,
// do_signal_stop), and answers clients until then.
func Stop(ctx context.Context, p *os.Process) error {
	if err := p.Signal(unix.SIGSTOP); err != nil {
		return fmt.Errorf("stop process %d: %w", p.Pid, err)
	}
	return wait.For(ctx, fmt.Sprintf("wait for process %d to stop", p.Pid), budget, func(context.Context) error {
		threads, err := procfs.AllThreads(p.Pid)
		if err != nil {
			return wait.Final(err)
		}
		for _, thread := range threads {
			stat, err := thread.Stat()
			if err != nil {
				return err // the thread has just ended
			}
			if stat.State != "T" {
				return fmt.Errorf("thread %d is in state %s, expected T (stopped)", thread.PID, stat.State)
			}
		}
		return nil
	})
}
