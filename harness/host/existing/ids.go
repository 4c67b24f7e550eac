package existing

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// FreeIDs returns the first of Supply consecutive ids that no isolated container of the LXD has.
// Until Close, it reserves them among the hosts of this process. It chooses the lowest free ids,
// or random ones if anywhere is set, because another process may just have taken the lowest. Like
// LXD, it leaves the first block free.
func (h *Host) FreeIDs(ctx context.Context, anywhere bool) (base int64, err error) {
	slots, err := h.slots(ctx)
	if err != nil {
		return 0, err
	}
	return reservations.reserve(h, slots, func(slots []idmap.Slot) (int64, error) { return h.choose(slots, anywhere) })
}

// choose returns the base of FreeIDs, next to the ids that are taken.
func (h *Host) choose(slots []idmap.Slot, anywhere bool) (int64, error) {
	own := idmap.Daemon{Flavor: h.traits.Daemon.Flavor, Delegation: h.traits.Delegation, ShadowTools: h.traits.Daemon.ShadowTools, Shadow: h.traits.Daemon.Shadow}
	chosen := own.Choose(h.traits.Map)
	if chosen.Reason != idmap.None {
		return 0, fmt.Errorf("the host's LXD has no ids for containers: %s: %s", chosen.Reason, chosen.Why)
	}
	first, size := int64(chosen.Map.UID[0].Parent)+idmap.Block, int64(h.idCount)
	end := int64(chosen.Map.UID[0].Parent) + int64(chosen.Map.UID[0].Count)
	if room := end - first - size; anywhere && room > 0 {
		// An imaginary slot of random size moves the gap.
		more := slices.Concat(slots, []idmap.Slot{{Base: first, Count: rand.Int64N(room)}}) //nolint:gosec // not a secret
		if base, found := firstGap(first, end, size, more); found {
			return base, nil
		}
	}
	base, found := firstGap(first, end, size, slots)
	if !found {
		var has uint32
		for _, m := range chosen.Map.UID {
			has += m.Count
		}
		return 0, fmt.Errorf("the host's LXD has %d ids: %d isolated containers use some, and the first %d stay free; expected %d more in a row: "+
			"delete containers, or give root more ids in /etc/subuid and /etc/subgid", has, len(slots), idmap.Block, h.idCount)
	}
	return base, nil
}

// firstGap returns the lowest base in [first, end) at which size consecutive ids overlap no slot.
// Unlike LXD's own search (idmap.Isolate) it accepts an exact fit, so that chains can reuse the
// ids of earlier chains.
func firstGap(first, end, size int64, slots []idmap.Slot) (base int64, found bool) {
	slots = slices.SortedFunc(slices.Values(slots), func(a, b idmap.Slot) int { return cmp.Compare(a.Base, b.Base) })
	base = first
	for _, s := range slots {
		if base+size <= s.Base {
			break
		}
		base = max(base, s.Base+s.Count)
	}
	return base, base+size < end
}

// HasIDs fails if an isolated container has any of the ids of level 1, whose ids begin at base.
func (h *Host) HasIDs(ctx context.Context, base int64) error {
	slots, err := h.slots(ctx)
	if err != nil {
		return err
	}
	end := base + int64(h.idCount)
	for _, s := range slots {
		if base < s.Base+s.Count && s.Base < end {
			return fmt.Errorf("ids %d to %d: another container of the host's LXD now has %d to %d", base, end-1, s.Base, s.Base+s.Count-1)
		}
	}
	return nil
}

// slots returns the ids of all isolated containers of the LXD, except those in the host's
// project.
func (h *Host) slots(ctx context.Context) ([]idmap.Slot, error) {
	all, err := lxdop.With(ctx, h.daemon.all).GetInstancesAllProjects(api.InstanceTypeContainer)
	if err != nil {
		return nil, err
	}
	var slots []idmap.Slot
	for _, i := range all {
		if i.Project == h.name || h.Member() != "" && i.Location != h.Member() || i.ExpandedConfig[idmap.KeyIsolated] != "true" {
			continue
		}
		base, err := strconv.ParseInt(i.ExpandedConfig["volatile.idmap.base"], 10, 64)
		if err != nil {
			continue // it has no ids yet
		}
		count, err := strconv.ParseInt(i.ExpandedConfig[idmap.KeySize], 10, 64)
		if err != nil {
			count = idmap.Block
		}
		slots = append(slots, idmap.Slot{Base: base, Count: count})
	}
	return slots, nil
}
