package idmap

import (
	"slices"
	"strings"
)

// Where LXD looks when root has no line in subuid or subgid
// (LXD: idmap/idmapset_linux.go, kernelDefaultMap).
const (
	hostDefaultStart  = 1000000    // on a host with all ids
	hostDefaultCount  = 1000000000 //
	levelDefaultStart = 100000     // inside a user namespace: from here up
)

// pick is what a LXD daemon does at its start: from the level's files and the
// level's own map it takes the map that all its containers get, or none, with
// the reason for which it will then refuse every unprivileged container. byDefault tells
// that no file gave the map (LXD 5.0 to main: idmap.GetIdmapSet).
func pick(d Delegation, own Map) (m Map, byDefault bool, reason Reason) {
	uid, uidLine := firstUseful(d.UID)
	gid, gidLine := firstUseful(d.GID)
	if !uidLine || !gidLine {
		// One file without a root line is enough: both are then ignored.
		byDefault = true
		uid, gid = defaultMap(own.UID, isWhole(own)), defaultMap(own.GID, isWhole(own))
	}
	if uid == nil && gid == nil {
		return Map{}, byDefault, NoAllocation
	}
	if !contains(own.UID, uid) || !contains(own.GID, gid) {
		return Map{}, byDefault, OutsideParent
	}
	return Map{UID: uid, GID: gid}, byDefault, None
}

// firstUseful gives root's first line of at least a block, as a map from 0, and
// whether root has a line at all. LXD compares owners without regard to case.
func firstUseful(lines []Allocation) (m []Mapping, hasLine bool) {
	for _, a := range lines {
		if !strings.EqualFold(a.Owner, Root) {
			continue
		}
		hasLine = true
		if a.Count >= Block {
			return []Mapping{{Inside: 0, Parent: a.Start, Count: a.Count}}, true
		}
	}
	return nil, hasLine
}

// isWhole tells whether the daemon runs where all ids exist; LXD merges neighboring ranges before it looks.
func isWhole(own Map) bool {
	whole := Identity()
	return slices.Equal(extents(own.UID), whole.UID) && slices.Equal(extents(own.GID), whole.GID)
}

func defaultMap(own []Mapping, whole bool) []Mapping {
	if whole {
		return []Mapping{{Inside: 0, Parent: hostDefaultStart, Count: hostDefaultCount}}
	}
	for _, e := range extents(own) {
		last := uint64(e.Inside) + uint64(e.Count) - 1
		start := max(uint64(e.Inside), levelDefaultStart)
		// LXD's test is last-start < 65536: it wants one id more than a block.
		if last < start || last-start < Block {
			continue
		}
		return []Mapping{{Inside: 0, Parent: uint32(start), Count: uint32(last - start + 1)}}
	}
	return nil
}

// contains tells whether every range that child takes lies in one unbroken run
// of ids that the parent has (LXD: idmap/idmapset_linux.go, Usable).
func contains(parent, child []Mapping) bool { return within(extents(parent), child) }

// within tells whether every range that child takes lies in one line of the
// parent's map as it stands: the kernel merges nothing (kernel/user_namespace.c, map_id_range_down).
func within(parent, child []Mapping) bool {
	for _, c := range child {
		inOne := false
		for _, e := range parent {
			inOne = inOne || c.Parent >= e.Inside &&
				uint64(c.Parent)+uint64(c.Count) <= uint64(e.Inside)+uint64(e.Count)
		}
		if !inOne {
			return false
		}
	}
	return true
}
