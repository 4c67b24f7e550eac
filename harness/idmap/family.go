package idmap

import (
	"fmt"
	"maps"
	"slices"
)

// Family is the containers of one daemon: a level of a chain and its siblings.
// It computes what must happen to them, in the order in which it is told what
// is done. Beside the files, two things decide it that a Plan never sees: what
// the other isolated containers have, and what the files said at other times.
type Family struct {
	layout Layout
	level  int
	own    Map // the daemon's own namespace, in ids of the level above it
	host   Map // the same in host ids
	daemon Daemon
	chosen Choice
	// members are the containers that the daemon has, running or not.
	members map[string]*member
}

// member is a container as its daemon has it written down.
type member struct {
	config map[string]string
	set    []entry // what it gets when it starts next (volatile.idmap.next)
	slot   *Slot   // nil unless it is isolated
}

// Family is the containers at a level, of which there are none yet, made by the daemon d, which has just
// started with the given map of its own, and the same in host ids. The Config of d is not looked at: each container has its own.
func (l Layout) Family(level int, own, host Map, d Daemon) *Family {
	f := &Family{layout: l, level: level, own: own, host: host, daemon: d, members: map[string]*member{}}
	f.RestartDaemon()
	return f
}

// RestartDaemon has the daemon read its files anew. What containers have stays.
func (f *Family) RestartDaemon() { f.chosen = f.daemon.Choose(f.own) }

// ReplaceDaemon has another daemon, which has just started, take over the containers with what they have. The host's may
// mount files idmapped where the one before could not, or the other way round: that is remaps, as in Layout.
func (f *Family) ReplaceDaemon(d Daemon, remaps bool) {
	f.daemon, f.layout.Remaps = d, remaps
	f.RestartDaemon()
}

// SetFiles changes the daemon's files: newuidmap reads them at every start of a container, the daemon only when it starts itself.
func (f *Family) SetFiles(d Delegation) { f.daemon.Delegation = d }

// Create plans a new container. Nil: it is created.
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

// Configure plans a change of a container's configuration, with keys over those that it has. The
// container gets a new map, but not before it starts again. Nil: it is changed.
func (f *Family) Configure(name string, change map[string]string) *Stop {
	m := f.members[name]
	config := maps.Clone(m.config)
	if config == nil {
		config = map[string]string{}
	}
	maps.Copy(config, change)
	return f.configure(name, m, config, OpConfigure)
}

// configure computes the map of a container, as LXD does when it is created and when one of the keys is changed, and at no other
// time (LXD: lxd/instance/drivers/driver_lxc.go, lxcCreate and Update).
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
	if !isolated {
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

// slots are what the isolated containers but the named one have.
func (f *Family) slots(but string) []Slot {
	var slots []Slot
	for _, name := range slices.Sorted(maps.Keys(f.members)) {
		if m := f.members[name]; name != but && m.slot != nil {
			slots = append(slots, *m.slot)
		}
	}
	return slots
}

// Start plans the start of a container that does not run: the level as it comes up, or the stop.
// It gets the map that was computed last, whether its daemon still has those ids to give or not.
func (f *Family) Start(name string) (PlannedLevel, *Stop) {
	set := f.members[name].set
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

// Delete forgets a container, whose ids are then free.
func (f *Family) Delete(name string) { delete(f.members, name) }
