package steps

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// Turns limits how many scenarios and other Go tests use the machine at a time. Turns are given in
// the order of the requests. A request for the whole machine waits for all that run, and later
// requests wait for it.
type Turns struct {
	size  int
	queue *semaphore.Weighted
}

// NewTurns returns turns for size chains at a time. A size below 1 counts as 1.
func NewTurns(size int) *Turns {
	size = max(1, size)
	return &Turns{size: size, queue: semaphore.NewWeighted(int64(size))}
}

// Size returns the number of chains that may run at a time.
func (t *Turns) Size() int { return t.size }

// Take waits until there is room for so many chains; Size or more means the whole machine. The
// caller gives the turn back with giveBack, which is never nil. Take fails if ctx ends first.
func (t *Turns) Take(ctx context.Context, chains int) (giveBack func(), err error) {
	share := int64(min(chains, t.size))
	if err := t.queue.Acquire(ctx, share); err != nil { // err is ctx.Err(), without the cause
		return func() {}, fmt.Errorf("wait for a turn: %w", context.Cause(ctx))
	}
	return func() { t.queue.Release(share) }, nil
}
