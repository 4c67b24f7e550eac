package vm

import (
	"context"
	"fmt"
	"time"

	"nestbed/harness/wait"
)

// silence is the wait for a guest's next word.
type silence struct {
	timer   *time.Timer
	budget  time.Duration // that runs now
	until   string        // what is waited for
	between time.Duration // the words of a guest that is up
	atEnd   time.Duration // the order to end and the end
	ending  bool
}

func newSilence(ctx context.Context) *silence {
	boot := wait.Scale(ctx, bootBudget)
	return &silence{
		timer: time.NewTimer(boot), budget: boot, until: "to start its job",
		between: wait.Scale(ctx, silenceBudget), atEnd: wait.Scale(ctx, endBudget),
	}
}

// broken begins the wait anew after a word, but for the one for the end.
func (s *silence) broken() {
	if s.ending {
		return
	}
	s.budget, s.until = s.between, "to say that it lives"
	s.timer.Reset(s.budget)
}

// end begins the wait for a program that was asked to end.
func (s *silence) end() {
	s.ending, s.budget, s.until = true, s.atEnd, "to end its job"
	s.timer.Reset(s.budget)
}

func (s *silence) what() string { return fmt.Sprintf("it had %s %s, and did not", s.budget, s.until) }

func (s *silence) stop() { s.timer.Stop() }
