package idmap

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An entry is one entry of LXD's idmaps, for uids, gids or both. Its numbers are as wide as
// LXD's, which does not check that they are ids (LXD: idmap/idmapset_linux.go, IdmapEntry).
type entry struct {
	uid, gid              bool
	inside, parent, count int64
}

// These are the errors of parseRawIDMap and add.
var (
	errRawMalformed = errors.New("malformed")
	errRawOverlap   = errors.New("parent id in the range of the allocation")
)

// parseRawIDMap parses the configuration key raw.idmap: lines "both|uid|gid PARENT INSIDE" with
// single ids or ranges FIRST-LAST, and one space between the fields (LXD: idmap/parse_linux.go;
// Incus: shared/idmap/set_load.go, NewSetFromIncusIDMap). A line that overlaps an earlier one
// cuts a hole into it.
func parseRawIDMap(text string, f Flavor) ([]entry, error) {
	var set []entry
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			continue
		}
		fields := strings.Split(line, " ")
		if len(fields) != 3 {
			return nil, fmt.Errorf("raw.idmap %q: %w", line, errRawMalformed)
		}
		e := entry{uid: fields[0] != "gid", gid: fields[0] != "uid"}
		var size int64
		var err, err2 error
		e.parent, e.count, err = parseRawRange(fields[1])
		e.inside, size, err2 = parseRawRange(fields[2])
		kind := fields[0] == "both" || fields[0] == "uid" || fields[0] == "gid"
		if err != nil || err2 != nil || size != e.count || !kind {
			return nil, fmt.Errorf("raw.idmap %q: %w", line, errRawMalformed)
		}
		if set, err = add(set, e, f); err != nil {
			return nil, err
		}
	}
	return set, nil
}

func parseRawRange(text string) (first, count int64, err error) {
	from, to, isRange := strings.Cut(text, "-")
	if first, err = strconv.ParseInt(from, 10, 64); err != nil || !isRange {
		return first, 1, err
	}
	last, err := strconv.ParseInt(to, 10, 64)
	return first, last - first + 1, err
}

// add adds an entry to a set and cuts a hole into entries that overlap it (LXD:
// idmap/idmapset_linux.go, AddSafe). See splitsRawEntries.
func add(set []entry, e entry, f Flavor) ([]entry, error) {
	if !f.follows(splitsRawEntries) || e.uid != e.gid {
		return addOne(set, e)
	}
	uid, gid := e, e
	uid.gid, gid.uid = false, false
	set, err := addOne(set, uid)
	if err != nil {
		return nil, err
	}
	return addOne(set, gid)
}

func addOne(set []entry, e entry) ([]entry, error) {
	var out []entry
	added := false
	for _, have := range set {
		if !have.sharesKind(e) || !have.intersects(e) {
			out = append(out, have)
			continue
		}
		if have.parentsIntersect(e) {
			return nil, errRawOverlap
		}
		lower, upper := have, have
		lower.count = e.inside - have.inside
		upper.inside = e.inside + e.count
		upper.parent = have.parent + lower.count + e.count
		upper.count = have.count - e.count - lower.count
		if lower.count > 0 {
			out = append(out, lower)
		}
		out = append(out, e) // once for each entry that it overlaps; toMap writes it once
		added = true
		if upper.count > 0 {
			out = append(out, upper)
		}
	}
	if !added {
		out = append(out, e)
	}
	return out, nil
}

func (e entry) sharesKind(o entry) bool { return e.uid && o.uid || e.gid && o.gid }

// intersects is LXD's test, including its bug: it does not count the last id of a range. It
// therefore misses an entry at that id, and the kernel refuses the map (LXD and Incus:
// Intersects).
func (e entry) intersects(o entry) bool {
	touch := func(a, b int64) bool { // ranges of e.count and o.count from a and b on
		aLast, bLast := a+e.count-1, b+o.count-1
		return between(a, b, bLast) || between(b, a, aLast) || between(aLast, b, bLast) || between(bLast, a, aLast)
	}
	return touch(e.parent, o.parent) || touch(e.inside, o.inside)
}

// parentsIntersect is LXD's test, which also counts adjacent ranges (LXD: HostidsIntersect).
func (e entry) parentsIntersect(o entry) bool {
	eEnd, oEnd := e.parent+e.count, o.parent+o.count
	return between(e.parent, o.parent, oEnd) || between(o.parent, e.parent, eEnd) ||
		between(eEnd, o.parent, oEnd) || between(oEnd, e.parent, eEnd)
}

// between reports whether x is in [low, high).
func between(x, low, high int64) bool { return low <= x && x < high }

// entries returns a map as a set.
func (m Map) entries() []entry {
	var set []entry
	for _, u := range m.UID {
		set = append(set, entry{uid: true, inside: int64(u.Inside), parent: int64(u.Parent), count: int64(u.Count)})
	}
	for _, g := range m.GID {
		set = append(set, entry{gid: true, inside: int64(g.Inside), parent: int64(g.Parent), count: int64(g.Count)})
	}
	return set
}

// toMap returns a set as the kernel gets it from liblxc. Daemons write equal lines once (LXD:
// idmap/idmapset_linux.go, ToLxcString; Incus: shared/idmap/set.go). The kernel uses only the
// lower 32 bits of larger numbers (kernel/user_namespace.c, map_write).
func toMap(set []entry) (m Map) {
	written := map[entry]bool{}
	for _, e := range set {
		line := Mapping{Inside: uint32(e.inside), Parent: uint32(e.parent), Count: uint32(e.count)}
		uid, gid := e, e
		uid.gid, gid.uid = false, false
		if e.uid && !written[uid] {
			m.UID = append(m.UID, line)
		}
		if e.gid && !written[gid] {
			m.GID = append(m.GID, line)
		}
		written[uid], written[gid] = true, true
	}
	return m
}

// writable reports whether liblxc accepts the numbers, which must have no sign (liblxc:
// confile_utils.c, parse_idmaps).
func (e entry) writable() bool { return e.inside >= 0 && e.parent >= 0 && e.count >= 0 }

// overflows reports whether a range is empty or goes beyond MaxID. newuidmap refuses such a
// range before it looks for the owner of the ids (shadow: libmisc/idmapping.c, get_map_ranges;
// an empty range since 4.17).
func (e entry) overflows() bool {
	return e.count == 0 || e.count > MaxID+1-e.inside || e.count > MaxID+1-e.parent
}
