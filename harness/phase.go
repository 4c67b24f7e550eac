package harness

import (
	"context"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// Phase is one operation on the way to a level that is up, and how long it took.
type Phase struct {
	Op   idmap.Op
	Took time.Duration
	// LXD is the part of it that is LXD's own: from when it took the operation up to
	// when it was done, or from the start of its program until it answered. The rest is
	// the request with what it carries, the init of the level, and ours.
	LXD time.Duration
}

// await waits for an operation as lxdop.Await does, and returns it with how long LXD was at it.
func await(ctx context.Context, server lxd.Server, op lxd.Operation, err error) (api.Operation, time.Duration, error) {
	ended, err := lxdop.Await(ctx, server, op, err)
	if ended.CreatedAt.IsZero() {
		return ended, 0, err
	}
	return ended, time.Since(ended.CreatedAt), err
}

// timed does an operation on the way to the level, and notes how long it took. What LXD worked
// for longer than that, it did while the operation before was under way.
func (l *Level) timed(op idmap.Op, do func() error) error {
	l.worked = 0
	began := time.Now()
	err := do()
	took := time.Since(began)
	if n := len(l.Phases); n > 0 && l.worked > took {
		before := &l.Phases[n-1]
		before.LXD = min(before.Took, before.LXD+l.worked-took)
	}
	l.Phases = append(l.Phases, Phase{Op: op, Took: took, LXD: min(l.worked, took)})
	return err
}
