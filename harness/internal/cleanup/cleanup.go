// Package cleanup records what a run still has to remove. A command that is interrupted uses
// the record to decide how long to wait, and what to print about the rest. The record is in the
// context, where it survives a cancellation.
package cleanup

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A Task is something that must be removed before the process ends.
type Task struct {
	// What describes the task in a message: "the LXD at X to delete project Y".
	What string
	// Budget is the time that the removal may take after the command is interrupted.
	Budget time.Duration
	// Left is the error to report if the command does not wait. Nil means that the next run or the
	// kernel removes what is left.
	Left error
}

// Tasks are the tasks that have begun and are not done. They are safe for concurrent use.
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

// Begin records a task until done is called, which may happen several times. It does nothing in
// a context without Tasks.
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

// Begun returns the unfinished tasks with a budget longer than elapsed, in the order in which
// they began.
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
