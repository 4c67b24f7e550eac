package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"nestbed/harness/advice"
	"nestbed/harness/internal/cleanup"
	"nestbed/harness/wait"
)

// exitSignal plus the number of a signal is the exit status of a command that the signal stopped,
// as in a shell.
const exitSignal = 128

const (
	// settleBudget is how long a verb with nothing to remove may take to end. A blocked verb, as
	// in open(2) of a FIFO, never ends.
	settleBudget = 500 * time.Millisecond
	// quietBudget is how long a removal may take before the command says what it waits for.
	quietBudget = time.Second
	// lookEvery is how often the command checks whether everything is removed.
	lookEvery = 10 * time.Millisecond
)

// stopError is the cause of a context that a signal ended.
type stopError struct{ signal os.Signal }

func (e stopError) Error() string { return fmt.Sprintf("interrupted (%s)", e.signal) }

// supervise runs a verb and returns its exit status. The first signal ends the verb's context.
// The verb then has as long as its cleanup tasks need, even if it is blocked on something else.
// The second signal ends it at once.
func supervise(ctx context.Context, signals <-chan os.Signal, errOut io.Writer, verb func(context.Context) int) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx, tasks := cleanup.NewContext(ctx)
	ended := make(chan int, 1)
	go func() { ended <- verb(ctx) }()
	var first os.Signal
	select {
	case status := <-ended:
		return status
	case first = <-signals:
	}
	cancel(stopError{first})
	s := stop{signal: first, tasks: tasks, errOut: errOut}
	return s.wait(ctx, signals, ended)
}

// stop ends a command after a signal.
type stop struct {
	signal os.Signal
	tasks  *cleanup.Tasks
	errOut io.Writer
	said   bool // what the command waits for
}

// wait returns the exit status once the verb has ended or its time is up.
func (s *stop) wait(ctx context.Context, signals <-chan os.Signal, ended <-chan int) int {
	// Patience lengthens the time limits on a slow machine.
	elapsed := func(since time.Time) time.Duration {
		return time.Duration(float64(time.Since(since)) / wait.Patience(ctx))
	}
	began, busy := time.Now(), time.Now()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case status := <-ended:
			if status == 0 {
				return 0 // it finished despite the signal
			}
			return s.status()
		case s.signal = <-signals:
			s.leave("interrupted again")
			return s.status()
		case <-tick.C:
		}
		begun := s.tasks.Begun(elapsed(began))
		if len(begun) > 0 {
			busy = time.Now()
		}
		switch {
		case len(begun) == 0 && elapsed(busy) > settleBudget:
			s.leave("interrupted")
			return s.status()
		case elapsed(began) > quietBudget:
			s.say(begun)
		}
	}
}

// say prints once what the command waits for, if that may take longer than a moment.
func (s *stop) say(begun []cleanup.Task) {
	for _, t := range begun {
		if t.Budget > 2*quietBudget && !s.said {
			s.said = true
			fmt.Fprintf(s.errOut, "nestbed: interrupted: waiting at most %s for %s; a second signal ends this at once%s\n", t.Budget, t.What, advice.For(t.Left))
		}
	}
}

// leave prints why the command ends before the verb, and what it leaves behind.
func (s *stop) leave(why string) {
	var left []string
	for _, t := range s.tasks.Begun(0) {
		if t.Left != nil {
			left = append(left, "did not wait for "+t.What+advice.For(t.Left))
		}
	}
	if len(left) > 0 {
		why += ": " + strings.Join(left, "; ")
	}
	fmt.Fprintln(s.errOut, "nestbed:", why)
}

func (s *stop) status() int {
	if number, ok := s.signal.(syscall.Signal); ok {
		return exitSignal + int(number)
	}
	return exitFailure
}

// orInterrupted returns one short error instead of err if ctx was interrupted.
func orInterrupted(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted; everything that was made is removed")
	}
	return err
}
