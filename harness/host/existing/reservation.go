package existing

import (
	"sync"

	"nestbed/harness/idmap"
)

// reservations are the ids that hosts of this process have chosen for their level 1. LXD shows
// ids only after their container was created, so two hosts could choose the same ids at the same
// time.
var reservations = reservationTable{slots: map[*Host]idmap.Slot{}} //nolint:gochecknoglobals // all hosts of a process share it

type reservationTable struct {
	mu    sync.Mutex
	slots map[*Host]idmap.Slot
}

// reserve calls choose with the taken slots and those that other hosts of the same LXD and member
// have reserved. It reserves the returned base in place of the host's earlier one. choose must
// make no request, because the lock is held.
func (t *reservationTable) reserve(h *Host, taken []idmap.Slot, choose func([]idmap.Slot) (int64, error)) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for other, slot := range t.slots {
		if other != h && other.daemon.Address == h.daemon.Address && other.Member() == h.Member() {
			taken = append(taken, slot)
		}
	}
	base, err := choose(taken)
	if err == nil {
		t.slots[h] = idmap.Slot{Base: base, Count: int64(h.idCount)}
	}
	return base, err
}

// release gives up the ids of a host, if it has any.
func (t *reservationTable) release(h *Host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.slots, h)
}
