package host

import (
	"context"
	"time"

	"nestbed/harness/reach"
)

// A Remote is a host whose LXD may run on another machine.
type Remote interface {
	// Elsewhere reports whether the LXD runs, or may run, on another machine. Of that machine,
	// only what its LXD says and what a level sees is known.
	Elsewhere() bool
	// Learn finds out what only a level, by its root directory, can see of that machine. The
	// error says what about the bundle does not fit the machine.
	Learn(ctx context.Context, level *reach.Root) error
	// Lost returns how a connection to the LXD was lost after since, and nil if none was lost.
	Lost(since time.Time) error
}

// Elsewhere reports whether the host's LXD runs, or may run, on another machine.
func Elsewhere(h Host) bool {
	r, is := h.(Remote)
	return is && r.Elsewhere()
}

// Learn calls the Learn method of a Remote. For other hosts it does nothing.
func Learn(ctx context.Context, h Host, level *reach.Root) error {
	if r, is := h.(Remote); is {
		return r.Learn(ctx, level)
	}
	return nil
}

// Lost returns how a connection to the host's LXD on another machine was lost after since, and
// nil if none was lost.
func Lost(h Host, since time.Time) error {
	if r, is := h.(Remote); is {
		return r.Lost(since)
	}
	return nil
}
