package host

import (
	"context"
	"io"

	"nestbed/harness/bundle"
	"nestbed/harness/internal/inroot"
)

// Execer is a host that runs programs.
type Execer interface {
	// Exec runs a program on the host, as its root, and returns what it wrote to standard output. An exit status other than 0 is an
	// error with what it wrote to standard error. ExecIn is Exec with a standard input.
	Exec(ctx context.Context, argv ...string) (string, error)
	ExecIn(ctx context.Context, stdin io.Reader, argv ...string) (string, error)
}

// Exec runs a program on the host, if that is an Execer.
func Exec(ctx context.Context, h Host, argv ...string) (string, error) {
	return ExecIn(ctx, h, nil, argv...)
}

// ExecIn is Exec with a standard input.
func ExecIn(ctx context.Context, h Host, stdin io.Reader, argv ...string) (string, error) {
	if e, able := h.(Execer); able {
		return e.ExecIn(ctx, stdin, argv...)
	}
	return "", unable(h, "run a program")
}

// Restarter is a host whose LXD may be ended.
type Restarter interface {
	// RestartLXD ends the host's LXD, which leaves its containers running, and returns when the next one answers. RestartLXDKilled kills
	// that next one as soon as it answers, before it is ready, and returns when the one after it answers.
	RestartLXD(ctx context.Context) error
	RestartLXDKilled(ctx context.Context) error
	// Runs has the host run the LXD of another bundle from its next start on.
	Runs(b *bundle.Bundle) error
}

// RestartLXD restarts the host's LXD, if the host is a Restarter.
func RestartLXD(ctx context.Context, h Host) error {
	return with(h, "restart it", func(r Restarter) error { return r.RestartLXD(ctx) })
}

// RestartLXDKilled is RestartLXD in which the next LXD is killed as soon as it answers, before it is ready.
func RestartLXDKilled(ctx context.Context, h Host) error {
	return with(h, "restart it", func(r Restarter) error { return r.RestartLXDKilled(ctx) })
}

// Runs has the host run the LXD of another bundle from its next start on, if the host is a Restarter.
func Runs(h Host, b *bundle.Bundle) error {
	return with(h, "run "+b.String(), func(r Restarter) error { return r.Runs(b) })
}

// Keeper is a host that can live on after this process.
type Keeper interface {
	Keep() error
	Kept() bool
}

// Keep lets the host live on after this process, if it is a Keeper.
func Keep(h Host) error {
	return with(h, "keep", func(k Keeper) error { return k.Keep() })
}

// Kept reports whether the host lives on after this process.
func Kept(h Host) bool {
	k, able := h.(Keeper)
	return able && k.Kept()
}

// DiskFiller is a host whose LXD has a disk of its own.
type DiskFiller interface {
	// FillDisk leaves no room on that disk.
	FillDisk() error
}

// FillDisk leaves no room on the disk of the host's LXD, if the host is a DiskFiller.
func FillDisk(h Host) error {
	return with(h, "fill its disk", func(f DiskFiller) error { return f.FillDisk() })
}

// Aborter is a host that can be told to end, without a wait for that.
type Aborter interface{ Abort() }

// Abort tells an Aborter to end. What waits for an answer of its LXD fails soon. Close is still to be called.
func Abort(h Host) {
	if a, able := h.(Aborter); able {
		a.Abort()
	}
}

// Remainer is a host that can leave something on the machine.
type Remainer interface {
	// Left returns what still stands of a closed host: paths of its state and cgroups.
	Left() []string
}

// Left returns what still stands of a closed host, and must be empty. An error of Close says what an existing LXD still has.
func Left(h Host) []string {
	if r, able := h.(Remainer); able {
		return r.Left()
	}
	return nil
}

// ProcessLister is a host whose processes are known.
type ProcessLister interface{ Processes() ([]int, error) }

// Processes returns the processes of a ProcessLister and of everything on it, by their ids on the machine.
func Processes(h Host) ([]int, error) {
	if l, able := h.(ProcessLister); able {
		return l.Processes()
	}
	return nil, unable(h, "list its processes")
}

// FileOwner is a host whose files are its own.
type FileOwner interface {
	// Files is the host's root directory on this machine, in which anything may be changed.
	Files() (*inroot.Root, error)
}

// Files returns the root directory of a FileOwner.
func Files(h Host) (*inroot.Root, error) {
	if o, able := h.(FileOwner); able {
		return o.Files()
	}
	return nil, unable(h, "change its files")
}
