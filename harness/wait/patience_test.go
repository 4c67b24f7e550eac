package wait_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/wait"
)

func TestPatienceMultipliesEveryBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := wait.WithPatience(wait.WithPatience(t.Context(), 3), 0.5)
		began := time.Now()
		err := wait.For(ctx, "wait", 10*time.Second, func(context.Context) error { return errNotYet })
		require.EqualError(t, err, "wait: timed out after 15s: not yet")
		assert.Equal(t, 15*time.Second, time.Since(began))

		began = time.Now()
		err = wait.Within(ctx, "wait for the end", 10*time.Second, untilDone, func() string { return "it is running" })
		require.EqualError(t, err, "wait for the end: timed out after 15s: it is running")
		require.ErrorIs(t, err, wait.ErrTimeout)
		assert.Equal(t, 15*time.Second, time.Since(began))
	})
}

func untilDone(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestWhatEndsInItsBudgetKeepsItsError(t *testing.T) {
	for _, want := range []error{nil, errNotYet, context.DeadlineExceeded} {
		err := wait.Within(t.Context(), "wait", time.Minute, func(context.Context) error { return want }, nil)
		require.Equal(t, want, err)
	}
}

func TestTheCallersEndIsNoTimeout(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("interrupted"))
	err := wait.Within(ctx, "wait", time.Minute, untilDone, nil)
	require.EqualError(t, err, "wait: interrupted: context canceled")
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, wait.ErrTimeout)
}
