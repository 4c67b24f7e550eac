package vm

import (
	"context"
	"fmt"
	"time"

	"nestbed/harness/wait"
)

// A watchdog limits the wait for a guest's next message.
type watchdog struct {
	timer   *time.Timer
	budget  time.Duration // of the current wait
	until   string        // what the guest must do in time
	between time.Duration // budget between two messages
	atEnd   time.Duration // budget to end after an interrupt
	ending  bool
}

func newWatchdog(ctx context.Context) *watchdog {
	boot := wait.Scale(ctx, bootBudget)
	return &watchdog{
		timer: time.NewTimer(boot), budget: boot, until: "start its job",
		between: wait.Scale(ctx, silenceBudget), atEnd: wait.Scale(ctx, endBudget),
	}
}

// restart begins the wait again after a message. It does not extend the wait for the end.
func (w *watchdog) restart() {
	if w.ending {
		return
	}
	w.budget, w.until = w.between, "report that it is alive"
	w.timer.Reset(w.budget)
}

// end starts the wait for a program that was asked to end.
func (w *watchdog) end() {
	w.ending, w.budget, w.until = true, w.atEnd, "end its job"
	w.timer.Reset(w.budget)
}

func (w *watchdog) failure() string {
	return fmt.Sprintf("the guest did not %s within %s", w.until, w.budget)
}

func (w *watchdog) stop() { w.timer.Stop() }
