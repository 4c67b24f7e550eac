package idmap

// Reach returns the greatest depth, 0 to MaxDepth, of a chain below a daemon whose own
// namespace has the map own, and the plan of that chain. The plan's Stop says why the next
// level fails; it is nil at MaxDepth. With cascade, every level keeps one block and delegates
// the rest in its subid files. Without it, the levels have empty subid files and no newuidmap.
func (d Daemon) Reach(own Map, cascade bool) (depth int, p Plan) {
	l := Layout{Host: own, Room: MaxDepth, Daemons: []Daemon{d}}
	first := l.Plan()
	if first.Stop != nil {
		return 0, first
	}
	m := first.Levels[0].Map
	ids := uint32(min(Count(m.UID), Count(m.GID)))
	down := make([]Delegation, MaxDepth)
	if cascade {
		down = append(Remainder(ids, MaxDepth+1), down...)
	}
	for _, files := range down[:MaxDepth-1] {
		l.Daemons = append(l.Daemons, Daemon{Flavor: d.Flavor, Delegation: files, ShadowTools: cascade && d.ShadowTools, Shadow: d.Shadow})
	}
	p = l.Plan()
	return len(p.Levels), p
}
