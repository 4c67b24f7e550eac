// Package wait waits for events without notifications, such as a daemon that starts to answer
// or a cgroup that becomes empty. Every wait has a name and a budget.
package wait

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTimeout is wrapped by the error of a wait that exceeded its budget. That error also wraps
// the last error of the attempts.
var ErrTimeout = errors.New("timed out")

// between is the time between two attempts. It is short compared with the fastest event waited
// for: an LXD that answers after 120 ms.
const between = 5 * time.Millisecond

// For calls try until it returns nil, ctx ends, or the budget multiplied by Patience is used
// up. The error then has the name of the wait, the budget and the last error.
func For(ctx context.Context, what string, budget time.Duration, try func(context.Context) error) error {
	budget = Scale(ctx, budget)
	limited, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	tick := time.NewTicker(between)
	defer tick.Stop()
	for {
		err := try(limited)
		if err == nil {
			return nil
		}
		var final *finalError
		if errors.As(err, &final) {
			return fmt.Errorf("%s: %w", what, final.err)
		}
		select {
		case <-tick.C:
		case <-limited.Done():
			if ctx.Err() != nil {
				return fmt.Errorf("%s: %w: %w", what, context.Cause(ctx), err)
			}
			return fmt.Errorf("%s: %w after %s: %w", what, ErrTimeout, budget, err)
		}
	}
}

// Within calls do, which waits until its context ends, with a budget multiplied by Patience. If
// the budget is used up, the error has the name of the wait, the budget and the result of
// holdsUp.
func Within(ctx context.Context, what string, budget time.Duration, do func(context.Context) error, holdsUp func() string) error {
	budget = Scale(ctx, budget)
	limited, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	err := do(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%s: %w after %s: %s", what, ErrTimeout, budget, holdsUp())
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%s: %w: %w", what, cause, err)
	}
	return err
}

// Final marks an error after which For stops trying.
func Final(err error) error { return &finalError{err} }

type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }
