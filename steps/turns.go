package steps

import (
	"context"
	"fmt"
	"math"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Exclusive is the tag of scenarios that no other may run beside: their outcome is one of the machine's, too.
const Exclusive = "@exclusive"

// turns has scenarios side by side, and those that are exclusive alone. They come in the order
// in which they asked: an exclusive one waits for those that run, and whoever asks after it waits for it.
type turns struct {
	once  sync.Once
	queue *semaphore.Weighted
}

// take waits for a turn, and returns what gives it back; that may be called in any case.
func (t *turns) take(ctx context.Context, exclusive bool) (giveBack func(), err error) {
	t.once.Do(func() { t.queue = semaphore.NewWeighted(math.MaxInt64) })
	share := int64(1)
	if exclusive {
		share = math.MaxInt64
	}
	if err := t.queue.Acquire(ctx, share); err != nil { // which is ctx.Err(), and not why ctx ended
		return func() {}, fmt.Errorf("wait for the scenario's turn: %w", context.Cause(ctx))
	}
	return func() { t.queue.Release(share) }, nil
}
