package idmap

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Mapping is one line of /proc/PID/uid_map or gid_map (man 7 user_namespaces): it maps Count
// ids from Inside on to the ids of the level above from Parent on.
type Mapping struct {
	Inside uint32 `json:"inside"`
	Parent uint32 `json:"parent"`
	Count  uint32 `json:"count"`
}

// A Map is the idmap of a level. Its uids and gids may differ.
type Map struct {
	UID []Mapping `json:"uid"`
	GID []Mapping `json:"gid"`
}

// Identity returns the map of the kernel's initial user namespace, which maps every id to
// itself.
func Identity() Map {
	all := []Mapping{{Inside: 0, Parent: 0, Count: MaxID + 1}}
	return Map{UID: all, GID: all}
}

// ParseMap parses the text of a uid_map and a gid_map (man 7 user_namespaces).
func ParseMap(uid, gid string) (m Map, err error) {
	if m.UID, err = ParseMappings(uid); err == nil {
		m.GID, err = ParseMappings(gid)
	}
	return m, err
}

// ParseMappings parses the text of a uid_map or gid_map: three numbers per line.
func ParseMappings(text string) ([]Mapping, error) {
	var mappings []Mapping
	for n, line := range strings.Split(strings.TrimRight(text, "\n"), "\n") {
		var m Mapping
		fields := strings.Fields(line)
		if len(fields) != 3 {
			return nil, fmt.Errorf("idmap line %d: %q has %d fields, expected inside, parent and count", n+1, line, len(fields))
		}
		for i, into := range []*uint32{&m.Inside, &m.Parent, &m.Count} {
			v, err := strconv.ParseUint(fields[i], 10, 32)
			if err != nil {
				return nil, fmt.Errorf("idmap line %d: %q is not a number from 0 to 4294967295", n+1, fields[i])
			}
			*into = uint32(v)
		}
		mappings = append(mappings, m)
	}
	return mappings, nil
}

// Up returns the parent id of an inside id, and whether mappings contain it.
func Up(mappings []Mapping, inside uint32) (parent uint32, exists bool) {
	for _, m := range mappings {
		if inside >= m.Inside && inside-m.Inside < m.Count {
			return m.Parent + (inside - m.Inside), true
		}
	}
	return 0, false
}

// Count returns the number of ids in mappings, which must not overlap.
func Count(mappings []Mapping) uint64 {
	var n uint64
	for _, m := range mappings {
		n += uint64(m.Count)
	}
	return n
}

// Within reports whether all parent ids of m lie in one of the parent's mappings, as the kernel
// requires (kernel/user_namespace.c, map_id_range_down).
func Within(parent []Mapping, m Mapping) bool {
	return slices.ContainsFunc(parent, func(p Mapping) bool {
		return m.Parent >= p.Inside && uint64(m.Parent)+uint64(m.Count) <= uint64(p.Inside)+uint64(p.Count)
	})
}

// Compose returns the map of a level in host ids. m is its map in parent ids, and parent is the
// parent's map in host ids. If the kernel accepts m, the result has one line for each line of
// m, in the same order, as uid_map shows it when read on the host (kernel/user_namespace.c,
// uid_m_show; Reported has the kernel's order).
//
// The kernel refuses a line that does not lie within one line of the parent's map (see Accept).
// Compose splits such a line where the parent's lines meet, sorts the parts by inside id, and
// leaves out ids that the parent does not have.
func (m Map) Compose(parent Map) Map {
	return Map{UID: compose(m.UID, parent.UID), GID: compose(m.GID, parent.GID)}
}

func compose(child, parent []Mapping) []Mapping {
	var out []Mapping
	for _, c := range child {
		pieces := len(out)
		for _, p := range parent {
			from := max(uint64(c.Parent), uint64(p.Inside))
			to := min(uint64(c.Parent)+uint64(c.Count), uint64(p.Inside)+uint64(p.Count))
			if from >= to {
				continue
			}
			out = append(out, Mapping{
				Inside: c.Inside + uint32(from-uint64(c.Parent)),
				Parent: p.Parent + uint32(from-uint64(p.Inside)),
				Count:  uint32(to - from),
			})
		}
		slices.SortFunc(out[pieces:], byInside)
	}
	return out
}

func byInside(a, b Mapping) int { return cmp.Compare(a.Inside, b.Inside) }

// normal sorts mappings by inside id and joins those that are contiguous on both sides, so that
// equal maps have equal lines.
func normal(mappings []Mapping) []Mapping {
	slices.SortFunc(mappings, byInside)
	var out []Mapping
	for _, m := range mappings {
		if len(out) > 0 {
			last := &out[len(out)-1]
			joined := uint64(last.Count) + uint64(m.Count)
			if uint64(last.Inside)+uint64(last.Count) == uint64(m.Inside) &&
				uint64(last.Parent)+uint64(last.Count) == uint64(m.Parent) && joined <= MaxID+1 {
				last.Count = uint32(joined)
				continue
			}
		}
		out = append(out, m)
	}
	return out
}

// extents returns the unbroken runs of inside ids; only Inside and Count of each Mapping
// matter. LXD also joins adjacent lines without looking at their parent ids (LXD:
// idmap/idmapset_linux.go, ValidRanges).
func extents(mappings []Mapping) []Mapping {
	flat := make([]Mapping, len(mappings))
	for i, m := range mappings {
		flat[i] = Mapping{Inside: m.Inside, Parent: m.Inside, Count: m.Count}
	}
	return normal(flat)
}

// Common returns the number of parent ids that two levels share, or of host ids if the maps are
// in host ids.
func Common(a, b []Mapping) uint64 {
	var n uint64
	for _, x := range a {
		for _, y := range b {
			from := max(uint64(x.Parent), uint64(y.Parent))
			to := min(uint64(x.Parent)+uint64(x.Count), uint64(y.Parent)+uint64(y.Count))
			n += max(to, from) - from
		}
	}
	return n
}
