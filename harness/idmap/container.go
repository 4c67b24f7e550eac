package idmap

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// These configuration keys of a container decide its map (LXD: doc, "Instance options").
const (
	KeyIsolated = "security.idmap.isolated" // true: the container shares no ids with other isolated containers
	KeySize     = "security.idmap.size"     // number of ids; LXD uses it for isolated containers only
	KeyBase     = "security.idmap.base"     // parent id of root inside; who heeds it: see placesByBase
	KeyRaw      = "raw.idmap"               // lines "both|uid|gid PARENT INSIDE"
)

// A Slot is the range of an isolated container: Count parent ids from Base on
// (volatile.idmap.base and the container's size). Base is NoBase while the container is created.
type Slot struct {
	Base  int64
	Count int64
}

// NoBase is the base of a container that has none yet.
const NoBase = -1

// Container returns the map of a new container with the configuration d.Config, within the ids
// that the daemon chose at its start. siblings are the slots of its existing isolated
// containers. The reason is None; ConfigRefused, RawIDMapMalformed, RawIDMapOverlaps or
// IsolatedExhausted, all at create; or MapInvalid, at start (LXD:
// lxd/instance/drivers/driver_lxc.go, findIdmap).
func (d Daemon) Container(chosen Map, siblings []Slot) (Map, Reason) {
	set, reason := d.container(chosen, siblings)
	return toMap(set), reason
}

func (d Daemon) container(chosen Map, siblings []Slot) ([]entry, Reason) {
	isolated, size, base, reason := d.idmapConfig()
	if reason != None {
		return nil, reason
	}
	raw, err := parseRawIDMap(d.Config[KeyRaw], d.Flavor)
	if err != nil {
		return nil, rawReason(err)
	}
	if isolated {
		if size < 0 {
			size = Block
		}
		if base < 0 {
			if base, reason = Isolate(chosen, size, siblings, d.Flavor); reason != None {
				return nil, reason
			}
		}
		// LXD uses one base for both. If the gids start elsewhere than the uids, the range has
		// gids of others, or none.
		return fit([]entry{
			{uid: true, parent: base, count: size}, {gid: true, parent: base, count: size},
		}, raw, d.Flavor)
	}
	if d.placed(isolated, base) {
		if size < 0 {
			size = Block
		}
		return fit([]entry{
			{uid: true, parent: base, count: size}, {gid: true, parent: base, count: size},
		}, raw, d.Flavor)
	}
	set := chosen.entries()
	if d.Flavor.follows(limitsEverySize) && size >= 0 {
		for i := range set {
			set[i].count = min(set[i].count, size)
		}
	}
	return fit(set, raw, d.Flavor)
}

// fit adds the entries of raw.idmap to a set.
func fit(set, raw []entry, f Flavor) ([]entry, Reason) {
	var err error
	for _, e := range raw {
		if set, err = add(set, e, f); err != nil {
			return nil, rawReason(err)
		}
	}
	for _, e := range set {
		if !e.writable() {
			return nil, MapInvalid
		}
	}
	return set, None
}

func rawReason(err error) Reason {
	if errors.Is(err, errRawOverlap) {
		return RawIDMapOverlaps
	}
	return RawIDMapMalformed
}

// idmapConfig parses all keys except raw.idmap and refuses an invalid value. size and base are
// -1 if they are not set (LXD: shared/instance.go and shared/validate, IsBool and IsUint32).
func (d Daemon) idmapConfig() (isolated bool, size, base int64, reason Reason) {
	for _, key := range []string{KeyIsolated, KeyPrivileged, KeyNesting} {
		if _, valid := boolean(d.Config[key]); !valid {
			return false, 0, 0, ConfigRefused
		}
	}
	isolated = d.on(KeyIsolated)
	number := func(key string) int64 {
		text := d.Config[key]
		if text == "" {
			return -1
		}
		v, err := strconv.ParseUint(text, 10, 32)
		if err != nil {
			reason = ConfigRefused
		}
		return int64(v)
	}
	size, base = number(KeySize), number(KeyBase)
	if isolated && base >= 0 && d.Flavor.follows(placesByBase) {
		reason = ConfigRefused
	}
	return isolated, size, base, reason
}

// placed reports whether a container that is not isolated has its ids where KeyBase says.
func (d Daemon) placed(isolated bool, base int64) bool {
	return !isolated && base >= 0 && d.Flavor.follows(placesByBase)
}

// KeyRawLXC is the configuration key with lines that LXD adds to a container's liblxc
// configuration.
const KeyRawLXC = "raw.lxc"

// refusesLines reports whether liblxc refuses to load the container's configuration, because
// KeyRawLXC has a key of cgroup v1. liblxc 7 does not know these (lxc/lxc#4679); earlier versions
// accept them on any machine.
func (d Daemon) refusesLines() bool {
	for line := range strings.SplitSeq(d.Config[KeyRawLXC], "\n") {
		if d.OnlyCgroup2 && strings.HasPrefix(strings.TrimSpace(line), "lxc.cgroup.") {
			return true
		}
	}
	return false
}

// Isolate returns the base of an isolated container of the given size among the ids that its
// daemon chose. It skips the daemon's first block, which no isolated container gets. It then
// takes the first gap between the siblings that is larger than size, or the ids above them. There
// LXD needs one id more than size, so that 131072 ids hold no isolated container and 196608
// hold one; Incus needs just size. LXD counts a sibling without a base as one with base 0. The
// result may then be ids that are not allocated. The reason is None or IsolatedExhausted. Only the
// uids count, or the gids if there are no uids.
func Isolate(chosen Map, size int64, siblings []Slot, f Flavor) (base int64, reason Reason) {
	first := chosen.UID
	if len(first) == 0 {
		first = chosen.GID
	}
	if len(first) == 0 {
		return 0, IsolatedExhausted
	}
	whole := entry{parent: int64(first[0].Parent), count: int64(first[0].Count)}
	base = whole.parent + Block
	siblings = slices.Clone(siblings)
	if f.follows(ignoresUnplaced) {
		siblings = slices.DeleteFunc(siblings, func(s Slot) bool { return s.Base == NoBase })
	}
	for i := range siblings {
		siblings[i].Base = max(siblings[i].Base, 0)
	}
	slices.SortStableFunc(siblings, func(a, b Slot) int { return cmp.Compare(a.Base, b.Base) })
	for i, s := range siblings {
		if i == 0 {
			if s.Base >= base+size {
				return base, None
			}
			base = s.Base + s.Count
			continue
		}
		before := siblings[i-1].Base + siblings[i-1].Count
		if before > base {
			base = before
			continue
		}
		base = before
		if base+size < s.Base || f.follows(isolatesInExactGaps) && base+size == s.Base {
			return base, None
		}
		base = s.Base + s.Count
	}
	end := whole.parent + whole.count
	if base+size < end || f.follows(isolatesInLastIDs) && base+size == end {
		return base, None
	}
	return 0, IsolatedExhausted
}
