package existing

import (
	"sync"

	"nestbed/harness/idmap"
)

// reservations are the ids of existing LXDs that hosts of this process have chosen for their level 1. LXD shows ids only when their
// container has been created, so two hosts that choose at the same time would choose the same.
var reservations = reservationTable{slots: map[*Host]idmap.Slot{}} //nolint:gochecknoglobals // two hosts have nothing else in common

type reservationTable struct {
	mu    sync.Mutex
	slots map[*Host]idmap.Slot
}

// reserve has choose find a base beside the slots that are taken and those that other hosts of the same LXD and member have
// reserved, and reserves it in place of what the host had. The lock is held for no request: choose must make none.
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
		t.slots[h] = idmap.Slot{Base: base, Count: int64(h.supply)}
	}
	return base, err
}

// release gives the ids of a host back, if it has any.
func (t *reservationTable) release(h *Host) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.slots, h)
}
