package idmap

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

const (
	// MaxLines is how many lines a map has at most
	// (include/linux/user_namespace.h, UID_GID_MAP_MAX_EXTENTS).
	MaxLines = 340

	// MaxUserNamespaces is how many user namespaces, one in the other, fit below
	// the kernel's initial one: the next is refused with ENOSPC. The kernel's 32
	// is the level of the last that may have a child, and the initial one has
	// level 0 (kernel/user_namespace.c, create_user_ns; man 7 user_namespaces
	// says 32, and EUSERS, which Linux gave up to 4.8).
	MaxUserNamespaces = 33

	// keptLines is up to how many lines the kernel keeps a map as it was written
	// (include/linux/user_namespace.h, UID_GID_MAP_MAX_BASE_EXTENTS).
	keptLines = 5

	// pageSize is what the text of a map must stay below, in bytes. Where pages
	// are larger than 4096 bytes, longer texts pass too (kernel/user_namespace.c, map_write).
	pageSize = 4096
)

// The kernel's two answers to a map that it does not take, from a writer that
// lacks no privilege.
var (
	// ErrInvalidMap is EINVAL: the map contradicts itself, or is none.
	ErrInvalidMap = errors.New("invalid idmap (EINVAL)")
	// ErrUnmappedIDs is EPERM: the map wants ids that the parent does not have in one line.
	ErrUnmappedIDs = errors.New("unmapped ids (EPERM)")
)

// Accept tells what the kernel answers when child is written to the uid_map or
// gid_map of a new user namespace, each Mapping as a line "inside parent count\n",
// in this order, in one write (kernel/user_namespace.c, map_write). parent is
// the map of the parent namespace as its uid_map or gid_map shows it there.
//
// It gives nil, or an error that wraps ErrInvalidMap or ErrUnmappedIDs and names
// the line; where both are true of a map it is ErrInvalidMap, which the kernel
// looks for first. A parent that the kernel itself would not take is not looked
// for, and makes the answer worthless.
func Accept(parent, child []Mapping) error {
	if err := acceptForm(child); err != nil {
		return err
	}
	return acceptIDs(parent, child)
}

// Reported gives the lines of an accepted map in the order in which the kernel
// shows them: as written up to 5 lines, above that by inside id
// (kernel/user_namespace.c, sort_idmaps).
func Reported(child []Mapping) []Mapping {
	out := slices.Clone(child)
	if len(out) > keptLines {
		slices.SortFunc(out, byInside)
	}
	return out
}

// acceptForm is all that the kernel asks of a map by itself.
func acceptForm(child []Mapping) error {
	if len(child) == 0 {
		return fmt.Errorf("%w: no line, expected 1 to %d", ErrInvalidMap, MaxLines)
	}
	size := 0
	for i, m := range child {
		size += len(m.text()) + len("\n")
		switch {
		case size >= pageSize:
			return refuse(ErrInvalidMap, child, i, "ends at byte %d of the text, expected less than %d bytes", size, pageSize)
		case i >= MaxLines:
			return refuse(ErrInvalidMap, child, i, "one line too many, expected 1 to %d", MaxLines)
		case m.Count == 0:
			return refuse(ErrInvalidMap, child, i, "count 0, expected at least 1")
		case passesEnd(m.Inside, m.Count):
			return refuse(ErrInvalidMap, child, i, "its inside ids go past the last id, %d", uint32(MaxID))
		case passesEnd(m.Parent, m.Count):
			return refuse(ErrInvalidMap, child, i, "its parent ids go past the last id, %d", uint32(MaxID))
		}
	}
	if err := acceptOnce(child, "inside", func(m Mapping) uint32 { return m.Inside }); err != nil {
		return err
	}
	return acceptOnce(child, "parent", func(m Mapping) uint32 { return m.Parent })
}

// passesEnd tells whether a range of ids holds 4294967295 or goes beyond: the
// kernel refuses the id as a start, and as an end because first+count is then 0
// or more in its 32 bits, which is not above first.
func passesEnd(first, count uint32) bool { return uint64(first)+uint64(count) > MaxID+1 }

// acceptOnce looks for an id that stands in two lines, on the side that first
// reads (kernel/user_namespace.c, mappings_overlap). In the order of the first
// ids, if any two ranges overlap then so do two neighbors.
func acceptOnce(child []Mapping, side string, first func(Mapping) uint32) error {
	order := make([]int, len(child))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(first(child[i]), first(child[j])) })
	for k, j := range order[1:] {
		i := order[k]
		if uint64(first(child[i]))+uint64(child[i].Count) > uint64(first(child[j])) {
			return refuse(ErrInvalidMap, child, max(i, j), "its %s ids overlap those of line %d, %q",
				side, min(i, j)+1, child[min(i, j)].text())
		}
	}
	return nil
}

// acceptIDs asks for every range in one line of the parent's map: the kernel
// does not put a range together from two, even from neighbors
// (kernel/user_namespace.c, map_id_range_down).
func acceptIDs(parent, child []Mapping) error {
	lines := slices.Clone(parent)
	slices.SortFunc(lines, byInside)
	for i, m := range child {
		after, exact := slices.BinarySearchFunc(lines, m.Parent, func(l Mapping, id uint32) int {
			return cmp.Compare(l.Inside, id)
		})
		if exact {
			after++
		}
		if after == 0 || m.Parent-lines[after-1].Inside >= lines[after-1].Count {
			return refuse(ErrUnmappedIDs, child, i, "id %d does not exist in the parent", m.Parent)
		}
		in := lines[after-1]
		if end := uint64(in.Inside) + uint64(in.Count); uint64(m.Parent)+uint64(m.Count) > end {
			return refuse(ErrUnmappedIDs, child, i, "its parent ids go past %d, where line %q of the parent's map ends", end-1, in.text())
		}
	}
	return nil
}

func refuse(kind error, child []Mapping, i int, format string, args ...any) error {
	return fmt.Errorf("%w: line %d, %q: %s", kind, i+1, child[i].text(), fmt.Sprintf(format, args...))
}

// text is the line as one writes it, without its end.
func (m Mapping) text() string {
	b := strconv.AppendUint(nil, uint64(m.Inside), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(m.Parent), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(m.Count), 10)
	return string(b)
}
