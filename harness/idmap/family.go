package idmap

import (
	"fmt"
	"maps"
	"slices"
)

// A Family is the set of containers of one daemon. Its methods plan operations on them, in the
// order of the calls. Unlike a Plan, it takes into account the ids of the other isolated
// containers and what the subid files contained earlier.
type Family struct {
	layout Layout
	level  int
	own    Map // of the daemon's own namespace, in ids of the level above it
	host   Map // own in host ids
	daemon Daemon
	chosen Choice
	// members are all existing containers, running or not.
	members map[string]*member
}

// A member is the daemon's record of a container.
type member struct {
	config map[string]string
	set    []entry // the map from the next start on (volatile.idmap.next)
	slot   *Slot   // nil unless it is isolated or placed
}

// Family returns the empty family of a daemon d that has just started and whose containers are
// at the given level. own is the map of the daemon's namespace, and host is the same map in
// host ids. Family ignores d.Config, because each container has its own configuration.
func (l Layout) Family(level int, own, host Map, d Daemon) *Family {
	f := &Family{layout: l, level: level, own: own, host: host, daemon: d, members: map[string]*member{}}
	f.RestartDaemon()
	return f
}

// RestartDaemon makes the daemon read its files again. The containers keep their maps.
func (f *Family) RestartDaemon() { f.chosen = f.daemon.Choose(f.own) }

// ReplaceDaemon starts d in place of the current daemon; the containers keep their maps. remaps
// replaces Layout.Remaps, because the host's new daemon may differ from the old one in that.
func (f *Family) ReplaceDaemon(d Daemon, remaps bool) {
	f.daemon, f.layout.Remaps = d, remaps
	f.RestartDaemon()
}

// SetFiles changes the daemon's subid files. newuidmap reads them at every start of a
// container, the daemon only at its own start.
func (f *Family) SetFiles(d Delegation) { f.daemon.Delegation = d }

// Create plans the creation of a container. It returns nil if that succeeds.
func (f *Family) Create(name string, config map[string]string) *Stop {
	if _, has := f.members[name]; has {
		panic(fmt.Sprintf("the family has a container %q already", name))
	}
	m := &member{}
	if stop := f.configure(name, m, config, OpCreate); stop != nil {
		return stop
	}
	f.members[name] = m
	return nil
}

// Configure plans a change of some keys of a container's configuration. The new map takes
// effect at the container's next start. Configure returns nil if the change succeeds.
func (f *Family) Configure(name string, change map[string]string) *Stop {
	m := f.members[name]
	config := maps.Clone(m.config)
	if config == nil {
		config = map[string]string{}
	}
	maps.Copy(config, change)
	return f.configure(name, m, config, OpConfigure)
}

// configure computes the map of a container. LXD does this only when the container is created
// or one of these keys changes (LXD: lxd/instance/drivers/driver_lxc.go, lxcCreate and Update).
func (f *Family) configure(name string, m *member, config map[string]string, op Op) *Stop {
	stop := func(op Op, reason Reason) *Stop { return &Stop{Level: f.level, Op: op, Reason: reason} }
	d := f.daemon
	d.Config = config
	isolated, size, base, reason := d.idmapConfig()
	if reason == None {
		reason = f.chosen.Reason
	}
	if reason != None {
		return stop(op, reason)
	}
	others := f.slots(name)
	set, reason := d.container(f.chosen.Map, others)
	switch {
	case reason == MapInvalid:
		return stop(OpStart, reason)
	case reason != None:
		return stop(op, reason)
	}
	m.config, m.set, m.slot = config, set, nil
	if !isolated && !d.placed(isolated, base) {
		return nil
	}
	if size < 0 {
		size = Block
	}
	if base < 0 {
		base, _ = Isolate(f.chosen.Map, size, others, d.Flavor)
	}
	m.slot = &Slot{Base: base, Count: size}
	return nil
}

// slots returns the slots of all isolated containers except the named one.
func (f *Family) slots(but string) []Slot {
	var slots []Slot
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		if m := f.members[name]; name != but && m.slot != nil {
			slots = append(slots, *m.slot)
		}
	}
	return slots
}

// Start plans the start of a stopped container. It returns the level that comes up, or the
// stop. With LXD, the container gets the map computed last, even if the daemon no longer has those
// ids. Incus then computes it again (Incus: driver_lxc.go, startCommon; since 0.5, 596f4fe8ed).
func (f *Family) Start(name string) (PlannedLevel, *Stop) {
	c := f.members[name]
	if f.daemon.Flavor.Incus() && f.chosen.Reason == None && !f.chosen.includes(toMap(c.set)) {
		if stop := f.configure(name, c, c.config, OpStart); stop != nil {
			return PlannedLevel{}, stop
		}
	}
	set := c.set
	if reason := f.layout.start(f.daemon, f.level, f.own, set); reason != None {
		return PlannedLevel{}, &Stop{Level: f.level, Op: OpStart, Reason: reason}
	}
	if f.layout.Cgroup1 && f.daemon.OnlyCgroup2 {
		return PlannedLevel{}, &Stop{Level: f.level, Op: OpStart, Reason: CgroupUnsupported}
	}
	m := toMap(set)
	m = Map{UID: Reported(m.UID), GID: Reported(m.GID)}
	_, caps := Up(f.own.UID, capsTrialID)
	return PlannedLevel{Level: f.level, Map: m, Host: m.Compose(f.host), FileCaps: caps}, nil
}

// includes reports whether the parent ids of each line of m lie within one line of the choice
// (Incus: shared/idmap/set.go, Includes).
func (c Choice) includes(m Map) bool {
	has := func(chosen, lines []Mapping) bool {
		ranges := make([]Mapping, len(chosen))
		for i, r := range chosen {
			ranges[i] = Mapping{Inside: r.Parent, Count: r.Count}
		}
		return !slices.ContainsFunc(lines, func(l Mapping) bool { return !Within(ranges, l) })
	}
	return has(c.Map.UID, m.UID) && has(c.Map.GID, m.GID)
}

// Delete removes a container and frees its ids.
func (f *Family) Delete(name string) { delete(f.members, name) }
