// Package wait waits for things that nobody announces: a daemon that answers, a
// cgroup that the kernel has emptied. Every wait has a name and a budget.
package wait

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrTimeout is what a wait that ran out of its budget wraps, beside the last error of what it waited for.
var ErrTimeout = errors.New("timed out")

// between two tries: short against the shortest thing waited for (a LXD that answers after 120 ms).
const between = 5 * time.Millisecond

// For calls try until it returns nil, ctx ends or the budget, times Patience, is used up. The
// error then says what was waited for, for how long, and what was still wrong
// at the last try.
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

// Within does what waits by itself until its context ends, in a budget times Patience. Where that runs out, the
// error says what was waited for, for how long, and what still holds it up.
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

// Final marks an error after which waiting on makes no sense.
func Final(err error) error { return &finalError{err} }

type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }
