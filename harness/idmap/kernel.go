package idmap

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
)

const (
	// MaxLines is the largest number of lines in a map (include/linux/user_namespace.h,
	// UID_GID_MAP_MAX_EXTENTS).
	MaxLines = 340

	// MaxUserNamespaces is the number of user namespaces that can be nested below the initial
	// one. The next fails with ENOSPC. The kernel's limit of 32 is the level of the last
	// namespace that may have a child, and the initial one has level 0
	// (kernel/user_namespace.c, create_user_ns). man 7 user_namespaces says 32, and EUSERS,
	// which was the error up to Linux 4.8.
	MaxUserNamespaces = 33

	// keptLines is the largest number of lines that the kernel keeps in the order in which they
	// were written (include/linux/user_namespace.h, UID_GID_MAP_MAX_BASE_EXTENTS).
	keptLines = 5

	// pageSize limits the text of a map: it must have fewer bytes. A kernel with pages larger
	// than 4096 bytes also accepts longer texts (kernel/user_namespace.c, map_write).
	pageSize = 4096
)

// These are the two errors with which the kernel refuses a map that a privileged process
// writes.
var (
	// ErrInvalidMap is EINVAL: the map contradicts itself or is not a map.
	ErrInvalidMap = errors.New("invalid idmap (EINVAL)")
	// ErrUnmappedIDs is EPERM: no single line of the parent's map has all ids of some line.
	ErrUnmappedIDs = errors.New("unmapped ids (EPERM)")
)

// Accept returns the kernel's answer to child written to the uid_map or gid_map of a new user
// namespace. Each Mapping becomes a line "inside parent count\n", in this order, and all are
// written at once (kernel/user_namespace.c, map_write). parent is the map of the parent
// namespace as its uid_map or gid_map shows it there.
//
// The result is nil, or an error that wraps ErrInvalidMap or ErrUnmappedIDs and names the line.
// If both apply it is ErrInvalidMap, which the kernel checks first. parent must be a map that
// the kernel accepts; Accept does not check it.
func Accept(parent, child []Mapping) error {
	if err := acceptForm(child); err != nil {
		return err
	}
	return acceptIDs(parent, child)
}

// Reported returns the lines of an accepted map in the order in which the kernel shows them: as
// written up to 5 lines, otherwise sorted by inside id (kernel/user_namespace.c, sort_idmaps).
func Reported(child []Mapping) []Mapping {
	out := slices.Clone(child)
	if len(out) > keptLines {
		slices.SortFunc(out, byInside)
	}
	return out
}

// acceptForm checks everything that does not depend on the parent.
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

// passesEnd reports whether a range contains 4294967295 or goes beyond it. The kernel refuses
// that id as a start. It also refuses it as an end, because first+count then overflows 32 bits
// and is not above first.
func passesEnd(first, count uint32) bool { return uint64(first)+uint64(count) > MaxID+1 }

// acceptOnce checks that no id is in two lines. first returns the first id of a line on the
// side to check (kernel/user_namespace.c, mappings_overlap). Sorted by their first ids, some
// neighbors overlap if any two ranges do.
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

// acceptIDs checks that every range lies in one line of the parent's map. The kernel does not
// combine several lines, even if they are adjacent (kernel/user_namespace.c,
// map_id_range_down).
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

// text returns the line as it is written, without the newline.
func (m Mapping) text() string {
	b := strconv.AppendUint(nil, uint64(m.Inside), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(m.Parent), 10)
	b = strconv.AppendUint(append(b, ' '), uint64(m.Count), 10)
	return string(b)
}
