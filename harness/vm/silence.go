package vm

import (
	"context"
	"fmt"
	"time"

	"nestbed/harness/wait"
)

// A silence is the wait for a guest's next message.
type silence struct {
	timer   *time.Timer
	budget  time.Duration // of the current wait
	until   string        // the awaited event
	between time.Duration // budget between two messages
	atEnd   time.Duration // budget to end after an interrupt
	ending  bool
}

func newSilence(ctx context.Context) *silence {
	boot := wait.Scale(ctx, bootBudget)
	return &silence{
		timer: time.NewTimer(boot), budget: boot, until: "to start its job",
		between: wait.Scale(ctx, silenceBudget), atEnd: wait.Scale(ctx, endBudget),
	}
}

// broken restarts the wait after a message. It does not extend the wait for the end.
func (s *silence) broken() {
	if s.ending {
		return
	}
	s.budget, s.until = s.between, "to say that it lives"
	s.timer.Reset(s.budget)
}

// end starts the wait for a program that was asked to end.
func (s *silence) end() {
	s.ending, s.budget, s.until = true, s.atEnd, "to end its job"
	s.timer.Reset(s.budget)
}

func (s *silence) what() string { return fmt.Sprintf("it had %s %s, and did not", s.budget, s.until) }

func (s *silence) stop() { s.timer.Stop() }
