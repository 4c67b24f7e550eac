package steps

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnExclusiveScenarioRunsAloneAndInItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		line := NewTurns(2)
		var began []string
		come := func(name string, share int) (leave func()) {
			left := make(chan struct{})
			go func() {
				giveBack, err := line.Take(t.Context(), share)
				assert.NoError(t, err)
				began = append(began, name)
				<-left
				giveBack()
			}()
			synctest.Wait() // until it runs, or waits for its turn
			return func() { close(left); synctest.Wait() }
		}
		first, second := come("first", 1), come("second", 1)
		require.Equal(t, []string{"first", "second"}, began, "side by side")
		alone := come("alone", line.Size())
		later := come("later", 1)
		require.Len(t, began, 2, "no more than there are turns")
		first()
		require.Len(t, began, 2, "nothing new as long as one of them runs")
		second()
		require.Equal(t, []string{"first", "second", "alone"}, began)
		alone()
		require.Equal(t, []string{"first", "second", "alone", "later"}, began)
		later()
	})
}

func TestACanceledWaitTakesNoTurn(t *testing.T) {
	line := NewTurns(2)
	giveBack, err := line.Take(t.Context(), 2)
	require.NoError(t, err)
	timeIsUp := errors.New("the run's time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(timeIsUp)
	none, err := line.Take(ctx, 1)
	require.ErrorIs(t, err, timeIsUp)
	none()
	giveBack()
	again, err := line.Take(t.Context(), 2)
	require.NoError(t, err)
	again()
}
