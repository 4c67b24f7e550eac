// Package rerun runs this program again, as one of the helper programs that are part of it.
package rerun

import (
	"errors"
	"os"
	"os/exec"
	"sync/atomic"

	"github.com/moby/sys/reexec"
)

// ErrNoMain is the error of running this program again without Main: the new process would run
// the whole program, or all its tests, instead of a helper program.
var ErrNoMain = errors.New("this program does not know its helper programs: call start.Init (package harness/host/start) first in main or TestMain")

// prepared reports whether Main was called.
var prepared atomic.Bool //nolint:gochecknoglobals // of the process

// Register registers a helper program of this program under a unique name.
func Register(name string, run func()) { reexec.Register(name, run) }

// Main runs a helper program and exits, if this process was started as one. Otherwise it
// returns.
func Main() {
	prepared.Store(true) // helper programs may run other ones
	if reexec.Init() {
		os.Exit(0)
	}
}

// Ready returns ErrNoMain unless Main was called.
func Ready() error {
	if !prepared.Load() {
		return ErrNoMain
	}
	return nil
}

// Command returns a command that runs this program as one of its helper programs. It returns the
// error of Ready.
func Command(name string, args ...string) (*exec.Cmd, error) {
	if err := Ready(); err != nil {
		return nil, err
	}
	return reexec.Command(append([]string{name}, args...)...), nil
}
