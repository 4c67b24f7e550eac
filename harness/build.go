package harness

import (
	"context"
	"errors"
	"fmt"
	"time"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// Build makes the levels one after the other. It returns what it built with an
// error, too, and nil only for a Spec that it refuses; where a level could not be
// made, the error is a *LevelError. Close the chain, which is nil-safe, in any case:
//
//	chain, err := harness.Build(ctx, h, spec)
//	defer chain.Close(ctx)
func Build(ctx context.Context, h host.Host, s Spec) (*Chain, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	s, err := s.supplied(h)
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

// grow makes the levels that are still to be made.
func (c *Chain) grow(ctx context.Context) error {
	defer func() {
		if c.coming != nil {
			_ = c.coming.wait() // an error of one that nobody waits for any more is none
		}
	}()
	for i := len(c.Levels); i < len(c.Spec.Levels); i++ {
		above, err := c.daemon(i)
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
			c.Plan = c.Spec.Plan(c.Host.Traits()) // by what it has learned
		}
		if err := level.live(ctx, c.Spec.Levels[i].Live); err != nil {
			return err
		}
		if c.Spec.OnLevel != nil {
			c.Spec.OnLevel(level)
		}
	}
	return nil
}

// Resume makes the rest of a chain that stopped, without the faults of its Spec, as soon as the LXD that was
// to make the next level runs again. What that has of the level from before is deleted.
func (c *Chain) Resume(ctx context.Context) error {
	if c.Stop == nil {
		return errors.New("resume: the chain has not stopped")
	}
	if l := c.Deepest(); l != nil {
		l.close()
		if err := l.connect(ctx); err != nil {
			return fmt.Errorf("resume: level %d: %w", l.Index, err)
		}
	}
	above, err := c.daemon(len(c.Levels))
	if err != nil {
		return err
	}
	if err := lxdop.Remove(ctx, above.LXD(), containerName(c.Stop.Level)); err != nil {
		return fmt.Errorf("resume: level %d: delete what there is of it: %w", c.Stop.Level, err)
	}
	c.Spec.Faults, c.Stop, c.coming = nil, nil, nil
	return c.grow(ctx)
}

// opError is an error of one operation, on its way to become a LevelError.
type opError struct {
	op  idmap.Op
	err error
}

func (e *opError) Error() string { return e.err.Error() }
func (e *opError) Unwrap() error { return e.err }

// stop explains why a level could not be made, and keeps it as the chain's outcome.
func (c *Chain) stop(ctx context.Context, above daemon, level int, began time.Time, err error) error {
	var failed *opError
	if !errors.As(err, &failed) {
		return fmt.Errorf("level %d: %w", level, err)
	}
	if c.coming != nil && c.coming.began.Before(began) {
		began = c.coming.began // with the level above
	}
	// Whatever the error says, it is in the words of somebody to whom the connection ended.
	if lost := host.Lost(c.Host, began); lost != nil {
		c.Stop = &LevelError{Stop: idmap.Stop{Level: level, Op: failed.op, Reason: idmap.ConnectionLost}, Err: errors.Join(lost, failed.err)}
		return c.Stop
	}
	err = host.OrMemberDown(c.Host, failed.err)
	if _, down := errors.AsType[*host.MemberDownError](err); down {
		c.Stop = &LevelError{Stop: idmap.Stop{Level: level, Op: failed.op, Reason: idmap.MemberDown}, Err: err}
		return c.Stop
	}
	reason, lines := classify(failed.err, gather(ctx, above, containerName(level)))
	at := idmap.Stop{Level: level, Op: failed.op, Reason: reason}
	c.Stop = &LevelError{Stop: at, Err: failed.err, Evidence: append(c.circumstances(above, at), lines...)}
	return c.Stop
}
