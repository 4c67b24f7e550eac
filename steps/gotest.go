package steps

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/advice"
	"nestbed/harness/harnesstest"
)

// Test runs each scenario as a subtest, so that -run can select them. Each requirement of a
// scenario is a subtest, too: if the machine does not meet it, it is skipped, or fails if
// everything is required.
func (s Suite) Test(t *testing.T) {
	t.Helper()
	harnesstest.Real(t)
	s.Package = cmp.Or(s.Package, ".")
	settings, err := s.settings()
	require.NoError(t, err)
	ctx := settings.Context(s.untilDeadline(t))
	r, err := s.withDefaults().start(ctx, settings, func(what string) { t.Log(what) })
	if missing, is := errors.AsType[*missingError](err); is {
		harnesstest.SkipIfMissing(t, missing)
	}
	require.NoError(t, advice.On(err))
	t.Cleanup(func() { assert.NoError(t, advice.On(r.close(context.WithoutCancel(ctx)))) })
	for _, c := range r.required {
		t.Run(strings.TrimPrefix(c.For, "@"), func(t *testing.T) {
			if c.Elsewhere && !c.OK {
				t.Skip(advice.On(c.Err()))
			}
			harnesstest.SkipIfMissing(t, c.Err())
		})
	}
	r.options.TestingT = t
	require.NoError(t, r.scenarios(ctx))
}

// untilDeadline returns a context that ends before the deadline of go test, at which go test kills
// the process. The remaining time is for diagnosis and for closing chains and hosts.
func (s Suite) untilDeadline(t *testing.T) context.Context {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return t.Context()
	}
	kept := s.Kept
	if kept == 0 {
		kept = min(time.Minute, time.Until(deadline)/4)
	}
	ctx, cancel := context.WithDeadlineCause(t.Context(), deadline.Add(-kept), ErrTimeIsUp)
	t.Cleanup(cancel)
	return ctx
}
