package host

import (
	"context"
	"time"

	"nestbed/harness/reach"
)

// Remote is a host whose LXD may run on another machine.
type Remote interface {
	// Elsewhere reports whether it does, or may. What is known of that machine is what its LXD says and what a level sees.
	Elsewhere() bool
	// Learn finds out what only a level, by its root directory, can see of that machine. The error says what of the bundle does not fit it.
	Learn(ctx context.Context, level *reach.Root) error
	// Lost returns how a connection to the LXD was lost since then; nil if none was.
	Lost(since time.Time) error
}

// Elsewhere reports whether the host's LXD runs, or may run, on another machine.
func Elsewhere(h Host) bool {
	r, is := h.(Remote)
	return is && r.Elsewhere()
}

// Learn has a Remote find out what only a level can see of its machine.
func Learn(ctx context.Context, h Host, level *reach.Root) error {
	if r, is := h.(Remote); is {
		return r.Learn(ctx, level)
	}
	return nil
}

// Lost returns how a connection to the host's LXD, on another machine, was lost since then; nil if none was.
func Lost(h Host, since time.Time) error {
	if r, is := h.(Remote); is {
		return r.Lost(since)
	}
	return nil
}
