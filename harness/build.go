package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/classify"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// Build makes the levels of s on h, one after the other. If an operation on a level fails, the
// error is a *LevelError, and the chain has the levels that were made before. The chain is nil
// only if Build refuses s before the first level. Close the chain in any case; Close accepts nil:
//
//	chain, err := harness.Build(ctx, h, spec)
//	defer chain.Close(ctx)
func Build(ctx context.Context, h host.Host, s Spec) (*Chain, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s, err := s.withSupply(ctx, h)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	host.WatchMember(ctx, h, end)
	c := &Chain{Host: h, Spec: s, Plan: s.Plan(h.Traits())}
	if s.LXCFS {
		if err := startLXCFS(ctx, h); err != nil {
			return c, err
		}
	}
	return c, c.grow(ctx)
}

// grow makes the levels that are still missing.
func (c *Chain) grow(ctx context.Context) error {
	defer func() {
		if c.nextImport != nil {
			_ = c.nextImport.Wait() // no level needs this import any more, so its error does not matter
		}
	}()
	for i := len(c.Levels); i < len(c.Spec.Levels); i++ {
		above, err := c.Daemon(i)
		if err != nil {
			return err
		}
		began := time.Now()
		level, err := c.makeLevel(ctx, above, i+1)
		if err != nil {
			return c.stop(ctx, above, i+1, began, err)
		}
		level.Took = time.Since(began)
		c.Levels = append(c.Levels, level)
		if i == 0 && host.Elsewhere(c.Host) {
			c.Plan = c.Spec.Plan(c.Host.Traits()) // with the traits that only a level could find out
		}
		if err := level.applyLive(ctx, c.Spec.Levels[i].Live); err != nil {
			return err
		}
		if c.Spec.OnLevel != nil {
			c.Spec.OnLevel(level)
		}
	}
	return nil
}

// Resume makes the remaining levels of a chain that stopped, without the hooks of its Spec. It
// waits until the LXD in the deepest level answers, and first deletes what that LXD already has of
// the next level.
func (c *Chain) Resume(ctx context.Context) error {
	if c.Stop == nil {
		return errors.New("resume: the chain has not stopped")
	}
	if l := c.Deepest(); l != nil {
		l.Release()
		if err := l.Connect(ctx); err != nil {
			return fmt.Errorf("resume: level %d: %w", l.Index, err)
		}
	}
	above, err := c.Daemon(len(c.Levels))
	if err != nil {
		return err
	}
	if err := lxdop.Remove(ctx, above.LXD(), ContainerName(c.Stop.Level)); err != nil {
		return fmt.Errorf("resume: level %d: delete its leftovers: %w", c.Stop.Level, err)
	}
	c.Spec.Hooks, c.Stop, c.nextImport = nil, nil, nil
	return c.grow(ctx)
}

// opError is the error of an operation on a level. stop turns it into a LevelError.
type opError struct {
	op  idmap.Op
	err error
}

func (e *opError) Error() string { return e.err.Error() }
func (e *opError) Unwrap() error { return e.err }

// stop returns the error for a level that could not be made. If an operation failed, that is a
// *LevelError, which stop also stores in c.Stop.
func (c *Chain) stop(ctx context.Context, above Daemon, level int, began time.Time, err error) error {
	var failed *opError
	if !errors.As(err, &failed) {
		return fmt.Errorf("level %d: %w", level, err)
	}
	if c.nextImport != nil && c.nextImport.began.Before(began) {
		began = c.nextImport.began // the import began while the level above was made
	}
	// If the connection was lost, the LXD client does not say so in its error.
	if lost := host.Lost(c.Host, began); lost != nil {
		c.Stop = &LevelError{Stop: idmap.Stop{Level: level, Op: failed.op, Reason: idmap.ConnectionLost}, Err: errors.Join(lost, failed.err)}
		return c.Stop
	}
	err = host.OrMemberDown(ctx, c.Host, failed.err)
	if _, down := errors.AsType[*host.MemberDownError](err); down {
		c.Stop = &LevelError{Stop: idmap.Stop{Level: level, Op: failed.op, Reason: idmap.MemberDown}, Err: err}
		return c.Stop
	}
	reason, lines := classify.Reason(failed.err, Gather(ctx, above, ContainerName(level)))
	at := idmap.Stop{Level: level, Op: failed.op, Reason: reason}
	c.Stop = &LevelError{Stop: at, Err: failed.err, Evidence: append(c.kernelEvidence(context.WithoutCancel(ctx), above, at), lines...)}
	return c.Stop
}

// A Phase is one operation of making a level, and how long it took.
type Phase struct {
	Op   idmap.Op
	Took time.Duration
	// LXD is the part of Took in which LXD worked: from when it accepted the operation until it
	// was done, or from the start of its program until it answered. The rest is the request with
	// its data, the init of the level, and nestbed itself.
	LXD time.Duration
}

// await waits for an operation as lxdop.Await does. It also returns how long ago LXD accepted it.
func await(ctx context.Context, server lxd.Server, op lxd.Operation, err error) (api.Operation, time.Duration, error) {
	ended, err := lxdop.Await(ctx, server, op, err)
	if ended.CreatedAt.IsZero() {
		return ended, 0, err
	}
	return ended, time.Since(ended.CreatedAt), err
}

// timed runs one operation of making the level, and records how long it took. If LXD worked longer
// than that, it began during the previous operation, which gets the difference.
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
