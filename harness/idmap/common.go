package idmap

// Common is how many parent ids, or host ids where the maps are in those, two levels both have.
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
