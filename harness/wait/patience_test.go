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

func TestPatience(t *testing.T) {
	for _, c := range []struct {
		text string
		want float64 // 0: an error
	}{
		{"", 1},
		{"1", 1},
		{"2.5", 2.5},
		{"0.01", 0.01},
		{"100", 100},
		{"1e1", 10},
		{"0", 0},
		{"-1", 0},
		{"0.009", 0},
		{"101", 0},
		{"NaN", 0},
		{"Inf", 0},
		{"two", 0},
		{"3x", 0},
		{" 2", 0},
	} {
		t.Setenv(wait.PatienceEnv, c.text)
		got, err := wait.Patience()
		assert.InDelta(t, c.want, got, 0, "%q", c.text)
		if c.want == 0 {
			assert.EqualError(t, err, `NESTBED_PATIENCE: read "`+c.text+`", expected a number from 0.01 to 100`)
		} else {
			assert.NoError(t, err, "%q", c.text)
		}
	}
}

func TestPatienceMultipliesEveryBudget(t *testing.T) {
	t.Setenv(wait.PatienceEnv, "3")
	synctest.Test(t, func(t *testing.T) {
		ctx := wait.WithPatience(t.Context(), 0.5)
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

func TestUnderAPatienceThatIsNoNumberNothingIsTried(t *testing.T) {
	t.Setenv(wait.PatienceEnv, "long")
	never := func(context.Context) error { t.Error("tried"); return nil }
	require.ErrorContains(t, wait.For(t.Context(), "wait", time.Minute, never), "NESTBED_PATIENCE")
	require.ErrorContains(t, wait.Within(t.Context(), "wait", time.Minute, never, nil), "NESTBED_PATIENCE")
}
