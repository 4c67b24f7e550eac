// Package cleanup records what a run still has to remove, so that a command that is told to stop knows how long to
// wait and what to say about the rest. The record is in the context, which outlives a cancellation.
package cleanup

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Task is something that must be removed before the process ends.
type Task struct {
	// What is waited for: "the LXD at X to delete project Y".
	What string
	// Budget is how long the removal may take once the command is told to stop.
	Budget time.Duration
	// Left is the error of what is left if nobody waits; nil: the next run removes it, or the kernel.
	Left error
}

// Tasks are those that have begun and are not done. They are safe for concurrent use.
type Tasks struct {
	mu    sync.Mutex
	begun []*Task
}

type key struct{}

// NewContext returns a context in which Begin records tasks.
func NewContext(ctx context.Context) (context.Context, *Tasks) {
	t := &Tasks{}
	return context.WithValue(ctx, key{}, t), t
}

// Begin records a task until done is called, which may happen twice. It does nothing in a context without Tasks.
func Begin(ctx context.Context, task Task) (done func()) {
	t, ok := ctx.Value(key{}).(*Tasks)
	if !ok {
		return func() {}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.begun = append(t.begun, &task)
	return func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.begun = slices.DeleteFunc(t.begun, func(b *Task) bool { return b == &task })
	}
}

// Begun returns the tasks that are not done and whose budget is more than elapsed, the first begun first.
func (t *Tasks) Begun(elapsed time.Duration) []Task {
	t.mu.Lock()
	defer t.mu.Unlock()
	var left []Task
	for _, b := range t.begun {
		if b.Budget > elapsed {
			left = append(left, *b)
		}
	}
	return left
}
