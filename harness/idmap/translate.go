package idmap

// Down gives the inside id of a parent id, and whether a level with these mappings has it.
func Down(mappings []Mapping, parent uint32) (inside uint32, exists bool) {
	for _, m := range mappings {
		if parent >= m.Parent && parent-m.Parent < m.Count {
			return m.Inside + (parent - m.Parent), true
		}
	}
	return 0, false
}

// Rise follows an id of the last of the levels up to the host. levels are each
// level's mappings in parent ids, level 1 first. ids[n] is the id at level n, so
// ids[0] is the host's. It is not ok, and ids is nil, if the last level lacks the
// id; with mappings that the kernel accepted no other level can lack it.
func Rise(levels [][]Mapping, id uint32) (ids []uint32, ok bool) {
	ids = make([]uint32, len(levels)+1)
	ids[len(levels)] = id
	for n := len(levels); n > 0; n-- {
		if ids[n-1], ok = Up(levels[n-1], ids[n]); !ok {
			return nil, false
		}
	}
	return ids, true
}

// Sink follows an id of the host down. ids[n] is the id at level n; ids ends with
// the last level that has it, and always begins with the host's id itself.
func Sink(levels [][]Mapping, host uint32) (ids []uint32) {
	ids = []uint32{host}
	for n, mappings := range levels {
		inside, ok := Down(mappings, ids[n])
		if !ok {
			break
		}
		ids = append(ids, inside)
	}
	return ids
}
