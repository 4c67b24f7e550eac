package idmap

// Down returns the inside id of a parent id, and whether mappings contain it.
func Down(mappings []Mapping, parent uint32) (inside uint32, exists bool) {
	for _, m := range mappings {
		if parent >= m.Parent && parent-m.Parent < m.Count {
			return m.Inside + (parent - m.Parent), true
		}
	}
	return 0, false
}

// TranslateUp translates an id of the last level into the ids of all levels above it. levels
// holds the mappings of each level in parent ids, level 1 first. ids[n] is the id at level n,
// so ids[0] is the host id. TranslateUp returns nil and false if some level does not map the
// id; with maps that the kernel accepts, that can only be the last level.
func TranslateUp(levels [][]Mapping, id uint32) (ids []uint32, ok bool) {
	ids = make([]uint32, len(levels)+1)
	ids[len(levels)] = id
	for n := len(levels); n > 0; n-- {
		if ids[n-1], ok = Up(levels[n-1], ids[n]); !ok {
			return nil, false
		}
	}
	return ids, true
}

// TranslateDown translates a host id into the ids of the levels below. ids[n] is the id at
// level n. ids begins with host itself and ends with the last level that has the id.
func TranslateDown(levels [][]Mapping, host uint32) (ids []uint32) {
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
