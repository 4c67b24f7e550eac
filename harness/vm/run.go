package vm

import (
	"context"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"time"

	"nestbed/harness/bundle"
	"nestbed/harness/internal/cleanup"
	"nestbed/harness/wait"
)

const (
	// bootBudget is for the guest to start the job: 3 s with KVM.
	bootBudget = time.Minute
	// silenceBudget is how long a guest may say nothing; it says that it lives every aliveEvery.
	silenceBudget = time.Minute
	// endBudget is for a program that was asked to end, and for QEMU after the guest's last word.
	endBudget = 30 * time.Second
)

// slowness is by how much a guest without KVM is slower than its host: every budget there is multiplied by it.
const slowness = 10

// Config is where a job runs, and where to what it says.
type Config struct {
	// Suite is one of Suites.
	Suite string
	// Cache is the directory of which images are kept in "vm"; "" is root's cache or the user's.
	Cache string
	// Bundles are those of which Debian's must be there for the job to make: the guest has no network.
	Bundles []bundle.Source
	// Env, if set, returns what is added to the environment of a job whose budgets are multiplied by patience, as NAME=VALUE.
	Env func(patience float64) []string
	// Stdout and Stderr take what the program writes.
	Stdout, Stderr io.Writer
	// Console takes what the guest's kernel and systemd say. It may be nil.
	Console io.Writer
	// Progress is told what takes longer than a moment. It may be nil.
	Progress func(string)
}

// Run runs this program again, with the job's arguments, in a virtual machine, and gives its exit status. An error
// means that it was not run to its end; it says why, in the guest's own words where there are any.
func Run(ctx context.Context, c Config, job Job) (status int, err error) {
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if err := lacking(forRun, c.Cache); err != nil {
		return 0, err
	}
	program, err := self()
	if err != nil {
		return 0, err
	}
	image, err := MakeImage(ctx, c.Cache, c.Suite, c.Progress)
	if err != nil {
		return 0, err
	}
	packages, err := makePackages(ctx, c.Cache, c.Bundles, c.Progress)
	if err != nil {
		return 0, err
	}
	accel, why, err := accelerator(ctx, image, c.Progress)
	if err != nil {
		return 0, err
	}
	hw, err := hardwareHere(accel)
	if err != nil {
		return 0, err
	}
	if accel == tcg {
		ctx = wait.WithPatience(ctx, slowness)
	}
	if c.Env != nil {
		job.Env = append(job.Env, c.Env(wait.Patience(ctx))...)
	}
	c.Progress(fmt.Sprintf("booting Debian %s, %s (%s), %d processors, %d MB", c.Suite, accel, why, hw.processors, hw.memory>>20))
	return bootTwice(ctx, c.Progress, func() (_ int, err error) {
		m, err := boot(ctx, hw, image, packages, job, program, c.Console)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, m.close()) }()
		return m.follow(ctx, c, job)
	})
}

// neverUpError is the end of a machine whose guest had not yet begun the job.
type neverUpError struct{ error }

// bootTwice runs a machine, and another one if its guest did not get as far as to begin: a kernel has been seen to panic in its
// fifth second under QEMU's translator, once in some hundred times.
func bootTwice(ctx context.Context, progress func(string), run func() (int, error)) (int, error) {
	status, err := run()
	var never neverUpError
	if errors.As(err, &never) && ctx.Err() == nil {
		progress(fmt.Sprintf("%v; booting another one", err))
		return run()
	}
	return status, err
}

// close ends the machine, if it has not ended.
func (m *machine) close() error {
	return errors.Join(m.qemu.kill(), m.port.Close())
}

// follow hears the guest until its job has ended.
func (m *machine) follow(ctx context.Context, c Config, job Job) (int, error) {
	messages := make(chan message)
	listening, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(messages)
		for dec := gob.NewDecoder(m.port); ; {
			var got message
			if dec.Decode(&got) != nil {
				return // the port is closed as QEMU ends
			}
			select {
			case messages <- got:
			case <-listening.Done():
				return
			}
		}
	}()
	silence := newSilence(ctx)
	defer silence.stop()
	box := inbox{dirs: job.Results}
	interrupted := ctx.Done()
	var last *alive
	begun := false
	for {
		select {
		case got, ok := <-messages:
			if !ok {
				<-m.qemu.done
				err := m.failure("the machine ended before its job did", last)
				if !begun {
					err = neverUpError{err}
				}
				return 0, err
			}
			silence.broken()
			begun = begun || got.Started != nil
			if got.Alive != nil {
				last = got.Alive
			}
			if got.Ended != nil {
				if got.Ended.Error != "" {
					return 0, m.failure("the guest: "+got.Ended.Error, last)
				}
				return got.Ended.Status, context.Cause(ctx)
			}
			if err := c.take(got, box); err != nil {
				return 0, err
			}
		case <-silence.timer.C:
			return 0, m.failure(silence.what(), last)
		case <-interrupted:
			interrupted = nil
			// The program takes down what it has made, and says so; then it ends, or its time does.
			if _, err := m.port.Write([]byte{interrupt}); err != nil {
				return 0, errors.Join(context.Cause(ctx), err)
			}
			silence.end()
			defer cleanup.Begin(ctx, cleanup.Task{What: "the virtual machine to take down what is in it", Budget: endBudget})()
		}
	}
}

// take does what a message says.
func (c Config) take(got message, box inbox) error {
	switch {
	case got.Started != nil:
		c.Progress(fmt.Sprintf("Linux %s is up after %.0f s; the job runs", got.Started.Kernel, got.Started.Up))
	case got.Stdout != nil:
		_, err := c.Stdout.Write(got.Stdout)
		return err
	case got.Stderr != nil:
		_, err := c.Stderr.Write(got.Stderr)
		return err
	case got.File != nil:
		return box.take(got.File)
	}
	return nil
}

// failure says what happened, and what the guest said that explains it.
func (m *machine) failure(what string, last *alive) error {
	how := ""
	if last != nil {
		how = fmt.Sprintf(" (when it last answered it had %d MB of memory and %d MB of disk free)", last.FreeMemory>>20, last.FreeDisk>>20)
	}
	return fmt.Errorf("virtual machine: %s%s; its console: %s", what, how, m.console.why())
}
