package cleanup_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/internal/cleanup"
)

func TestATaskIsKnownUntilItIsDoneOrItsBudgetIsOver(t *testing.T) {
	ctx, tasks := cleanup.NewContext(t.Context())
	assert.Empty(t, tasks.Begun(0))
	short := cleanup.Task{What: "a host to end", Budget: time.Second}
	long := cleanup.Task{What: "a project to be deleted", Budget: time.Minute, Left: errors.New("a project")}
	shortDone := cleanup.Begin(ctx, short)
	longDone := cleanup.Begin(context.WithoutCancel(ctx), long) // as a task does that must not be interrupted
	assert.Equal(t, []cleanup.Task{short, long}, tasks.Begun(0))
	assert.Equal(t, []cleanup.Task{long}, tasks.Begun(time.Second))
	assert.Empty(t, tasks.Begun(time.Hour))
	shortDone()
	shortDone()
	assert.Equal(t, []cleanup.Task{long}, tasks.Begun(0))
	longDone()
	assert.Empty(t, tasks.Begun(0))
}

func TestWithoutTasksInTheContextNothingIsRecorded(t *testing.T) {
	cleanup.Begin(t.Context(), cleanup.Task{What: "a host to end"})()
}
