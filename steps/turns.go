package steps

import (
	"context"
	"fmt"

	"golang.org/x/sync/semaphore"
)

// Turns limits how many scenarios, and Go tests beside them, use the machine at a time. They come in the
// order in which they ask: one that wants the machine for itself waits for those that run, and
// those that ask after it wait for it.
type Turns struct {
	size  int
	queue *semaphore.Weighted
}

// NewTurns returns turns for size chains at a time, at least one.
func NewTurns(size int) *Turns {
	size = max(1, size)
	return &Turns{size: size, queue: semaphore.NewWeighted(int64(size))}
}

// Size is how many chains run at a time.
func (t *Turns) Size() int { return t.size }

// Take waits until there is room for so many chains; size and more ask for the machine alone. It returns
// what gives the turn back, which may be called in any case. It fails if ctx ends first.
func (t *Turns) Take(ctx context.Context, chains int) (giveBack func(), err error) {
	share := int64(min(chains, t.size))
	if err := t.queue.Acquire(ctx, share); err != nil { // ctx.Err(), not why ctx ended
		return func() {}, fmt.Errorf("wait for a turn: %w", context.Cause(ctx))
	}
	return func() { t.queue.Release(share) }, nil
}
