package host

import (
	"context"
	"io"

	"nestbed/harness/bundle"
	"nestbed/harness/internal/inroot"
)

// An Execer is a host that can run programs.
type Execer interface {
	// Exec runs a program on the host as root, and returns its standard output. If the exit
	// status is not 0, the error contains the standard error. ExecIn is Exec with standard input.
	Exec(ctx context.Context, argv ...string) (string, error)
	ExecIn(ctx context.Context, stdin io.Reader, argv ...string) (string, error)
}

// Exec runs a program on the host, if the host is an Execer.
func Exec(ctx context.Context, h Host, argv ...string) (string, error) {
	return ExecIn(ctx, h, nil, argv...)
}

// ExecIn is Exec with standard input.
func ExecIn(ctx context.Context, h Host, stdin io.Reader, argv ...string) (string, error) {
	if e, able := h.(Execer); able {
		return e.ExecIn(ctx, stdin, argv...)
	}
	return "", unable(h, "run a program")
}

// A Restarter is a host whose LXD can be restarted.
type Restarter interface {
	// RestartLXD ends the host's LXD and returns when the next one answers. Containers keep
	// running. RestartLXDKilled also kills the next LXD as soon as it answers, before it is
	// ready, and returns when the one after it answers.
	RestartLXD(ctx context.Context) error
	RestartLXDKilled(ctx context.Context) error
	// Runs records that the host runs the LXD of another bundle from its next start on.
	Runs(b *bundle.Bundle) error
}

// RestartLXD restarts the host's LXD, if the host is a Restarter.
func RestartLXD(ctx context.Context, h Host) error {
	return with(h, "restart it", func(r Restarter) error { return r.RestartLXD(ctx) })
}

// RestartLXDKilled is RestartLXD, but kills the next LXD as soon as it answers, before it is
// ready.
func RestartLXDKilled(ctx context.Context, h Host) error {
	return with(h, "restart it", func(r Restarter) error { return r.RestartLXDKilled(ctx) })
}

// Runs records that the host runs the LXD of another bundle from its next start on, if the host
// is a Restarter.
func Runs(h Host, b *bundle.Bundle) error {
	return with(h, "run "+b.String(), func(r Restarter) error { return r.Runs(b) })
}

// A Keeper is a host that can outlive this process.
type Keeper interface {
	Keep() error
	Kept() bool
}

// Keep makes the host outlive this process, if the host is a Keeper.
func Keep(h Host) error {
	return with(h, "keep", func(k Keeper) error { return k.Keep() })
}

// Kept reports whether the host outlives this process.
func Kept(h Host) bool {
	k, able := h.(Keeper)
	return able && k.Kept()
}

// A DiskFiller is a host whose LXD has its own disk.
type DiskFiller interface {
	// FillDisk fills that disk.
	FillDisk() error
}

// FillDisk fills the disk of the host's LXD, if the host is a DiskFiller.
func FillDisk(h Host) error {
	return with(h, "fill its disk", func(f DiskFiller) error { return f.FillDisk() })
}

// An Aborter is a host that can be told to end without waiting for it.
type Aborter interface{ Abort() }

// Abort tells an Aborter to end. Requests that wait for its LXD then fail soon. Close must still
// be called.
func Abort(h Host) {
	if a, able := h.(Aborter); able {
		a.Abort()
	}
}

// A LeftLister is a host that may leave something on the machine.
type LeftLister interface {
	// Left returns the paths of state and cgroups that a closed host left.
	Left() []string
}

// Left returns the paths that a closed host left. The result should be empty. If something is
// left on an existing LXD, the error of Close lists it.
func Left(h Host) []string {
	if r, able := h.(LeftLister); able {
		return r.Left()
	}
	return nil
}

// A ProcessLister is a host whose processes are known.
type ProcessLister interface{ Processes() ([]int, error) }

// Processes returns the pids, on the machine, of the processes of a ProcessLister and its levels.
func Processes(h Host) ([]int, error) {
	if l, able := h.(ProcessLister); able {
		return l.Processes()
	}
	return nil, unable(h, "list its processes")
}

// A FileOwner is a host that owns its files.
type FileOwner interface {
	// Files returns the host's root directory on this machine, in which anything may be changed.
	Files() (*inroot.Root, error)
}

// Files returns the root directory of a FileOwner.
func Files(h Host) (*inroot.Root, error) {
	if o, able := h.(FileOwner); able {
		return o.Files()
	}
	return nil, unable(h, "change its files")
}
