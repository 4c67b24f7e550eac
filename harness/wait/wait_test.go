package wait_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/wait"
)

// In a synctest bubble, time passes only while all goroutines wait. Durations are therefore
// exact, and no test takes long.

var errNotYet = errors.New("not yet")

func TestAWaitForSomethingThatIsThereTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		err := wait.For(t.Context(), "wait", time.Minute, func(context.Context) error {
			tries++
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 1, tries)
		assert.Zero(t, time.Since(began))
	})
}

func TestAWaitEndsWithTheFirstTryThatSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		err := wait.For(t.Context(), "wait", time.Minute, func(context.Context) error {
			if tries++; tries < 4 {
				return errNotYet
			}
			return nil
		})
		require.NoError(t, err)
		assert.Equal(t, 4, tries)
		assert.Equal(t, 15*time.Millisecond, time.Since(began), "three waits of 5 ms")
	})
}

func TestATimeoutNamesWhatWasWaitedForTheBudgetAndTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, tries := time.Now(), 0
		err := wait.For(t.Context(), "wait for LXD to answer", 52*time.Millisecond, func(context.Context) error {
			tries++
			return fmt.Errorf("try %d: %w", tries, errNotYet)
		})
		require.EqualError(t, err, "wait for LXD to answer: timed out after 52ms: try 11: not yet")
		require.ErrorIs(t, err, wait.ErrTimeout)
		require.ErrorIs(t, err, errNotYet)
		require.NotErrorIs(t, err, context.DeadlineExceeded, "a budget is not the caller's deadline")
		assert.Equal(t, 52*time.Millisecond, time.Since(began))
	})
}

func TestWithoutABudgetThereIsOneTryStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, budget := range []time.Duration{0, -time.Second} {
			tries := 0
			err := wait.For(t.Context(), "wait", budget, func(context.Context) error {
				tries++
				return errNotYet
			})
			require.ErrorIs(t, err, wait.ErrTimeout)
			require.ErrorIs(t, err, errNotYet)
			assert.Equal(t, 1, tries)
			require.NoError(t, wait.For(t.Context(), "wait", budget, func(context.Context) error { return nil }))
		}
	})
}

func TestEachTryIsCancelledWhenTheBudgetIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		err := wait.For(t.Context(), "wait", 70*time.Millisecond, func(ctx context.Context) error {
			<-ctx.Done() // like a request that is never answered
			return ctx.Err()
		})
		require.ErrorIs(t, err, wait.ErrTimeout)
		assert.Equal(t, 70*time.Millisecond, time.Since(began))
	})
}

func TestAFinalErrorEndsTheWaitAtOnce(t *testing.T) {
	for name, mark := range map[string]func(error) error{
		"as it is": wait.Final,
		"wrapped":  func(err error) error { return fmt.Errorf("connect: %w", wait.Final(err)) },
		"joined":   func(err error) error { return errors.Join(errors.New("beside"), wait.Final(err)) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				gone := errors.New("the process is gone")
				began, tries := time.Now(), 0
				err := wait.For(t.Context(), "wait", time.Minute, func(context.Context) error {
					if tries++; tries < 3 {
						return errNotYet
					}
					return mark(gone)
				})
				require.ErrorIs(t, err, gone)
				assert.Regexp(t, `(?s)^wait: .*the process is gone$`, err.Error())
				require.NotErrorIs(t, err, wait.ErrTimeout)
				assert.Equal(t, 3, tries)
				assert.Equal(t, 10*time.Millisecond, time.Since(began))
			})
		})
	}
}

func TestAFinalErrorReadsAndUnwrapsAsTheErrorItMarks(t *testing.T) {
	err := wait.Final(fmt.Errorf("outer: %w", errNotYet))
	require.EqualError(t, err, "outer: not yet")
	assert.ErrorIs(t, err, errNotYet)
}

func TestTheCallersReasonToStopIsTold(t *testing.T) {
	interrupted := errors.New("interrupted")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		began := time.Now()
		time.AfterFunc(33*time.Millisecond, func() { cancel(interrupted) })
		err := wait.For(ctx, "wait for LXD", time.Minute, func(context.Context) error { return errNotYet })
		require.EqualError(t, err, "wait for LXD: interrupted: not yet")
		require.ErrorIs(t, err, interrupted)
		require.ErrorIs(t, err, errNotYet)
		require.NotErrorIs(t, err, wait.ErrTimeout)
		assert.Equal(t, 33*time.Millisecond, time.Since(began))
	})
}

func TestTheCallersDeadlineIsToldApartFromTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := wait.For(ctx, "wait", time.Minute, func(context.Context) error { return errNotYet })
		require.EqualError(t, err, "wait: context deadline exceeded: not yet")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NotErrorIs(t, err, wait.ErrTimeout)
	})
}

func TestACallerWhoHasStoppedAlreadyStillGetsWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.NoError(t, wait.For(ctx, "wait", time.Minute, func(context.Context) error { return nil }))
		err := wait.For(ctx, "wait", time.Minute, func(context.Context) error { return errNotYet })
		assert.ErrorIs(t, err, context.Canceled)
	})
}

func TestAWaitNeverOutlastsItsBudgetAndTriesEveryFiveMilliseconds(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		budget := time.Duration(rapid.Int64Range(1, int64(time.Second)).Draw(r, "budget"))
		needed := rapid.IntRange(1, 250).Draw(r, "tries needed")
		synctest.Test(t, func(t *testing.T) {
			began, tries := time.Now(), 0
			err := wait.For(t.Context(), "wait", budget, func(context.Context) error {
				if tries++; tries < needed {
					return errNotYet
				}
				return nil
			})
			ready := time.Duration(needed-1) * 5 * time.Millisecond
			switch {
			case ready < budget:
				require.NoError(t, err)
				assert.Equal(t, ready, time.Since(began))
			case ready > budget:
				require.ErrorIs(t, err, wait.ErrTimeout)
				assert.Equal(t, budget, time.Since(began))
			}
		})
	})
}
