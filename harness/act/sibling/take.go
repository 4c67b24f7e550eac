package sibling

import (
	"context"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/classify"
	"nestbed/harness/idmap"
)

type operation struct {
	op idmap.Op
	do func() error
}

// take runs the operations on a sibling and compares the result with the plan.
func (s *Siblings) take(ctx context.Context, name string, l *harness.Level, planned idmap.PlannedLevel, stop *idmap.Stop, operations ...operation) (*harness.Level, error) {
	want, got := idmap.Plan{Stop: stop}, idmap.Plan{}
	if stop == nil && len(planned.Map.UID) > 0 {
		want.Levels = []idmap.PlannedLevel{planned}
	}
	var refused *harness.LevelError
	for _, o := range operations {
		if err := o.do(); err != nil {
			l.Release()
			reason, lines := classify.Reason(err, harness.Gather(ctx, l.Above(), l.Name))
			refused = &harness.LevelError{Stop: idmap.Stop{Level: s.Level, Op: o.op, Reason: reason}, Err: err, Evidence: lines}
			got.Stop = &refused.Stop
			break
		}
	}
	if refused == nil && l.Root() != nil {
		s.up[name] = l
		m, err := l.Map(ctx)
		if err != nil {
			return nil, err
		}
		hostMap, err := l.HostMap(ctx)
		if err != nil {
			return nil, err
		}
		got.Levels = []idmap.PlannedLevel{{Level: s.Level, Map: m, Host: hostMap}}
	}
	if err := harness.Contradiction(want, got); err != nil {
		s.Contradiction = s.wrap(name, "plan", err)
		if refused != nil {
			s.Contradiction = fmt.Errorf("%w\n%w", s.Contradiction, refused)
		}
	}
	if refused != nil {
		return nil, refused
	}
	return l, nil
}

// SharedIDs returns how many host uids and gids two levels have in common.
func SharedIDs(ctx context.Context, a, b *harness.Level) (uids, gids uint64, err error) {
	x, err := a.HostMap(ctx)
	if err != nil {
		return 0, 0, err
	}
	y, err := b.HostMap(ctx)
	if err != nil {
		return 0, 0, err
	}
	return idmap.Common(x.UID, y.UID), idmap.Common(x.GID, y.GID), nil
}
