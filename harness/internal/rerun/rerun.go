// Package rerun runs this program again, as one of the helper programs that are part of it.
package rerun

import (
	"errors"
	"os"
	"os/exec"
	"sync/atomic"

	"github.com/moby/sys/reexec"
)

// ErrNoMain is why this program does not run itself again: each helper program would be this program once more, or all its tests.
var ErrNoMain = errors.New("this program does not know its helper programs: call start.Init (package harness/host/start) first in main or TestMain")

// prepared reports whether Main was called.
var prepared atomic.Bool //nolint:gochecknoglobals // of the process

// Register makes run a helper program of this program, under a name that no other one has.
func Register(name string, run func()) { reexec.Register(name, run) }

// Main runs the helper program that this process was started as, if it is one, and does not return then.
func Main() {
	prepared.Store(true) // a helper program may run others
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

// Command returns a command that runs this program as one of its helper programs. The error is that of Ready.
func Command(name string, args ...string) (*exec.Cmd, error) {
	if err := Ready(); err != nil {
		return nil, err
	}
	return reexec.Command(append([]string{name}, args...)...), nil
}
