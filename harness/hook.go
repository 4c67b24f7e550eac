package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"nestbed/harness/idmap"
)

// A Hook is code that runs at one operation on the way to a level, such as code that breaks
// something. The plan does not take it into account.
type Hook struct {
	// Level is the level that is being made, from 1, and Op is the operation.
	Level int
	Op    idmap.Op
	// Name says what the hook does. Hooks with the same name, level and operation do the same.
	Name string
	// Before is called before the operation. Its context ends as soon as the operation has ended.
	// Build calls settled, if it is not nil, after the operation; its error fails the build.
	Before func(ctx context.Context, c *Chain, l *Level) (settled func() error, err error) `json:"-"`
}

// hooked reports whether there are hooks at one of these operations of a level.
func (s Spec) hooked(level int, ops ...idmap.Op) bool {
	return slices.ContainsFunc(s.Hooks, func(h Hook) bool { return h.Level == level && slices.Contains(ops, h.Op) })
}

// runHooks calls the hooks at an operation. Call settled after the operation.
func (c *Chain) runHooks(ctx context.Context, l *Level, op idmap.Op) (settled func() error, err error) {
	var later []func() error
	settled = func() error {
		var errs []error
		for _, f := range later {
			errs = append(errs, f())
		}
		return errors.Join(errs...)
	}
	for _, h := range c.Spec.Hooks {
		if h.Level != l.Index || h.Op != op {
			continue
		}
		after, err := h.Before(ctx, c, l)
		if after != nil {
			later = append(later, after)
		}
		if err != nil {
			return settled, fmt.Errorf("level %d, %s: %s: %w", l.Index, op, h.Name, err)
		}
	}
	return settled, nil
}
