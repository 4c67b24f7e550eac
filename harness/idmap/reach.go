package idmap

// Reach is how deep chains go below a daemon whose own user namespace has the
// map own, 0 to MaxDepth, and the plan of such a chain with the stop of the level
// that does not come up, nil at MaxDepth. With cascade, every level keeps one block and hands down the rest by its subid files;
// without, the levels have no such files, and no newuidmap that would want them.
func (d Daemon) Reach(own Map, cascade bool) (depth int, p Plan) {
	l := Layout{Host: own, Room: MaxDepth, Daemons: []Daemon{d}}
	first := l.Plan()
	if first.Stop != nil {
		return 0, first
	}
	m := first.Levels[0].Map
	supply := uint32(min(Count(m.UID), Count(m.GID)))
	down := make([]Delegation, MaxDepth)
	if cascade {
		down = append(Remainder(supply, MaxDepth+1), down...)
	}
	for _, files := range down[:MaxDepth-1] {
		l.Daemons = append(l.Daemons, Daemon{Flavor: d.Flavor, Delegation: files, ShadowTools: cascade && d.ShadowTools})
	}
	p = l.Plan()
	return len(p.Levels), p
}
