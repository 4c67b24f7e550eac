package steps

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAnExclusiveScenarioIsAloneAndWaitsForNoneThatCameLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var line turns
		var began []string
		come := func(name string, exclusive bool) (leave func()) {
			left := make(chan struct{})
			go func() {
				giveBack, err := line.take(t.Context(), exclusive)
				assert.NoError(t, err)
				began = append(began, name)
				<-left
				giveBack()
			}()
			synctest.Wait() // until it runs, or waits for its turn
			return func() { close(left); synctest.Wait() }
		}
		first, second := come("first", false), come("second", false)
		require.Equal(t, []string{"first", "second"}, began, "side by side")
		alone := come("alone", true)
		later := come("later", false)
		first()
		require.Len(t, began, 2, "nothing new as long as one of them runs")
		second()
		require.Equal(t, []string{"first", "second", "alone"}, began)
		alone()
		require.Equal(t, []string{"first", "second", "alone", "later"}, began)
		later()
	})
}

func TestWhoGivesUpWaitingHasNoTurnToGiveBack(t *testing.T) {
	var line turns
	giveBack, err := line.take(t.Context(), true)
	require.NoError(t, err)
	timeIsUp := errors.New("the run's time is up")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(timeIsUp)
	none, err := line.take(ctx, false)
	require.ErrorIs(t, err, timeIsUp)
	none()
	giveBack()
	again, err := line.take(t.Context(), true)
	require.NoError(t, err)
	again()
}
