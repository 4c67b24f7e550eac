package harness

import (
	"context"
	"fmt"
	"strings"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/idmap"
	"nestbed/harness/wait"
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

// operationBudget is for one operation of LXD. Level 32 of a chain takes 0.3 s to create on an idle machine, and a
// refused start 5 s; the most that a scenario waits for is a level that shall end by itself.
const operationBudget = 2 * time.Minute

// await waits for an operation of LXD that was asked for, if err does not say that
// it was refused, and tells how long LXD was at it.
func await(ctx context.Context, op lxd.Operation, err error) (time.Duration, error) {
	if err != nil {
		return 0, err
	}
	asked := op.Get()
	err = wait.Within(ctx, fmt.Sprintf("wait for LXD's operation %q", asked.Description), operationBudget, op.WaitContext,
		func() string { return "it is " + strings.ToLower(op.Get().Status) })
	return time.Since(asked.CreatedAt), err
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
