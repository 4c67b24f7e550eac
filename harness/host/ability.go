package host

import (
	"context"
	"io"
	"time"

	lxd "github.com/canonical/lxd/client"

	"nestbed/harness/bundle"
	"nestbed/harness/reach"
)

// Exec runs a program on the host, as its root, and returns what it wrote to standard output.
func Exec(ctx context.Context, h *Host, argv ...string) (string, error) { return h.Exec(ctx, argv...) }

// ExecIn is Exec with a standard input.
func ExecIn(ctx context.Context, h *Host, stdin io.Reader, argv ...string) (string, error) {
	return h.ExecIn(ctx, stdin, argv...)
}

// RestartLXD ends the host's LXD, which leaves its containers running, and returns when the next one answers.
func RestartLXD(ctx context.Context, h *Host) error { return h.RestartLXD(ctx) }

// RestartLXDKilled is RestartLXD in which the next LXD is killed as soon as it answers, before it is ready.
func RestartLXDKilled(ctx context.Context, h *Host) error { return h.RestartLXDKilled(ctx) }

// Runs has the host run the LXD of another bundle from its next start on.
func Runs(h *Host, b *bundle.Bundle) error { return h.Runs(b) }

// Keep lets the host live on after this process.
func Keep(h *Host) error { return h.Keep() }

// Kept reports whether the host lives on after this process.
func Kept(h *Host) bool { return h.Kept() }

// FillDisk leaves no room on the disk of the host's LXD.
func FillDisk(h *Host) error { return h.FillDisk() }

// Abort tells the host to end, if it can, and does not wait for that.
func Abort(h *Host) { h.Abort() }

// Left returns what still stands of a closed host.
func Left(h *Host) []string { return h.Left() }

// Processes returns the processes of the host and of everything on it, by their ids on the machine.
func Processes(h *Host) ([]int, error) { return h.Processes() }

// Lost returns how a connection to the host's LXD, on another machine, was lost since then; nil if none was.
func Lost(h *Host, since time.Time) error { return h.Lost(since) }

// OrMemberDown returns err, preceded by a *MemberDownError if the cluster member that the host is on is down.
func OrMemberDown(h *Host, err error) error { return h.OrMemberDown(err) }

// WatchMember calls end with a *MemberDownError when the cluster member that the host is on goes down, until ctx ends.
func WatchMember(ctx context.Context, h *Host, end context.CancelCauseFunc) { h.WatchMember(ctx, end) }

// Learn finds out what only a level, by its root directory, can see of the host's machine.
func Learn(h *Host, level *reach.Root) error { return h.Learn(level) }

// Elsewhere reports whether the host's LXD runs, or may run, on another machine.
func Elsewhere(h *Host) bool { return h.Elsewhere() }

// Member returns the cluster member that level 1 is on; "" if the host is in no cluster.
func Member(h *Host) string { return h.Member() }

// Placing returns a client of the host's LXD that creates on the member where level 1 shall be.
func Placing(h *Host) lxd.InstanceServer { return h.Placing() }

// Pool returns the storage pool that level 1 lies on, if the host has one already; else "".
func Pool(h *Host) string { return h.Pool() }

// FreeIDs reserves ids for level 1 that no other container of the host has, and returns the first of them.
func FreeIDs(h *Host, anywhere bool) (int64, error) { return h.FreeIDs(anywhere) }

// HasIDs fails if another container of the host has any of the ids of level 1, from base on.
func HasIDs(h *Host, base int64) error { return h.HasIDs(base) }

// IsPrivate reports whether the host is a private one, of which anything may be changed.
func IsPrivate(h *Host) bool { return h.IsPrivate() }
