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
	// bootBudget is the time for the guest to start the job: 3 s with KVM.
	bootBudget = time.Minute
	// silenceBudget is how long a guest may send nothing. It reports every aliveEvery that it is
	// alive.
	silenceBudget = time.Minute
	// endBudget is the time for a program to end after an interrupt, and for QEMU after the
	// guest's last message.
	endBudget = 30 * time.Second
)

// tcgPatience is the factor by which every budget in a guest without KVM is multiplied.
const tcgPatience = 10

// A Config says where a job runs and where its output goes.
type Config struct {
	// Suite is the Debian suite of the guest.
	Suite string
	// Cache is the directory whose subdirectory "vm" holds images; "" is root's or the user's
	// cache.
	Cache string
	// Bundles are the bundles that the job may need. Packages for those from Debian are put on a
	// disk, because the guest has no network.
	Bundles []bundle.Source
	// Env, if set, returns NAME=VALUE entries that are added to the job's environment. patience
	// is the factor of the job's budgets.
	Env func(patience float64) []string
	// Stdout and Stderr receive the program's output.
	Stdout, Stderr io.Writer
	// Console receives the output of the guest's kernel and systemd. It may be nil.
	Console io.Writer
	// Progress is called before work that takes more than a moment. It may be nil.
	Progress func(string)
}

// Run runs this program with the job's arguments in a virtual machine and returns its exit
// status. An error means that the program did not run to its end. The error quotes the guest's
// console if that shows the reason.
func Run(ctx context.Context, c Config, job Job) (status int, err error) {
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if err := checkRequirements(forRun, c.Cache); err != nil {
		return 0, err
	}
	program, err := staticProgram()
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
		ctx = wait.WithPatience(ctx, tcgPatience)
	}
	if c.Env != nil {
		job.Env = append(job.Env, c.Env(wait.Patience(ctx))...)
	}
	c.Progress(fmt.Sprintf("booting Debian %s, %s (%s), %d processors, %d MB", c.Suite, accel, why, hw.processors, hw.memory>>20))
	return bootWithRetry(ctx, c.Progress, func() (_ int, err error) {
		m, err := boot(ctx, hw, image, packages, job, program, c.Console)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, m.close()) }()
		return m.follow(ctx, c, job)
	})
}

// A notBootedError reports that a machine ended before its guest started the job.
type notBootedError struct{ error }

// bootWithRetry runs a machine, and a second one if the first ended before its guest started the
// job. Under QEMU's translator, about one boot in a hundred has panicked in its fifth second.
func bootWithRetry(ctx context.Context, progress func(string), run func() (int, error)) (int, error) {
	status, err := run()
	var early notBootedError
	if errors.As(err, &early) && ctx.Err() == nil {
		progress(fmt.Sprintf("%v; booting again", err))
		return run()
	}
	return status, err
}

// close ends the machine if it still runs.
func (m *machine) close() error {
	return errors.Join(m.qemu.kill(), m.port.Close())
}

// follow reads the guest's messages until its job has ended.
func (m *machine) follow(ctx context.Context, c Config, job Job) (int, error) {
	messages := make(chan message)
	listening, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer close(messages)
		for dec := gob.NewDecoder(m.port); ; {
			var got message
			if dec.Decode(&got) != nil {
				return // QEMU has ended, which closes the port
			}
			select {
			case messages <- got:
			case <-listening.Done():
				return
			}
		}
	}()
	watchdog := newWatchdog(ctx)
	defer watchdog.stop()
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
					err = notBootedError{err}
				}
				return 0, err
			}
			watchdog.restart()
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
			if err := c.handle(got, box); err != nil {
				return 0, err
			}
		case <-watchdog.timer.C:
			return 0, m.failure(watchdog.failure(), last)
		case <-interrupted:
			interrupted = nil
			// The program cleans up and reports it. Then it ends, or its budget does.
			if _, err := m.port.Write([]byte{interrupt}); err != nil {
				return 0, errors.Join(context.Cause(ctx), err)
			}
			watchdog.end()
			defer cleanup.Begin(ctx, cleanup.Task{What: "the virtual machine to clean up", Budget: endBudget})()
		}
	}
}

// handle acts on a message.
func (c Config) handle(got message, box inbox) error {
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
		return box.save(got.File)
	}
	return nil
}

// failure returns an error with the event, the guest's last known state, and the decisive line of
// its console.
func (m *machine) failure(what string, last *alive) error {
	how := ""
	if last != nil {
		how = fmt.Sprintf(" (when it last answered it had %d MB of memory and %d MB of disk free)", last.FreeMemory>>20, last.FreeDisk>>20)
	}
	return fmt.Errorf("virtual machine: %s%s; its console: %s", what, how, m.console.reason())
}
