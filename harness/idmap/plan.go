package idmap

// Daemon is what decides the ids that one LXD gives to its containers.
type Daemon struct {
	// Delegation is what its subuid and subgid files say.
	Delegation Delegation
	// ShadowTools tells that newuidmap and newgidmap are there and privileged:
	// liblxc then writes no map itself but has them do it, and they refuse
	// what subuid and subgid do not grant (liblxc: idmap_utils.c, lxc_map_ids).
	ShadowTools bool
}

// Layout is a chain before it is built. Daemons[0] is the host's LXD, which
// makes level 1; Daemons[i] is that of level i, which makes level i+1. So the
// depth is len(Daemons), and what the last level hands down plays no part.
type Layout struct {
	// Host is the map of the host's own user namespace, in host ids: Identity
	// on a machine, something smaller where nestbed itself runs in a container.
	Host Map
	// Room is how many levels the kernel has left: it nests 32 user namespaces
	// (kernel/user_namespace.c, create_user_ns) and 32 pid namespaces
	// (kernel/pid_namespace.c, MAX_PID_NS_LEVEL). 0: as many as are asked for.
	Room int
	// Daemons are the LXDs from the host down.
	Daemons []Daemon
}

// PlannedLevel is a level that must come up, with its map in parent ids and in host ids.
type PlannedLevel struct {
	Level int `json:"level"`
	Map   Map `json:"map"`
	Host  Map `json:"host"`
	// FileCaps tells that the file capabilities of the image arrive. They do not
	// where the LXD above lacks id 1000000: it tries at its start, with that
	// id, whether it can write capabilities of another root, and if not it drops
	// them from whatever it gives new owners (LXD 5.0 to main and Incus:
	// shared/idmap/shift_linux.go, set_dummy_fs_ns_caps).
	FileCaps bool `json:"fileCaps"`
}

// capsTrialID is the id that LXD tries file capabilities with.
const capsTrialID = 1000000

// Plan is what must happen: the levels that come up and, where the chain cannot
// be built whole, the stop.
type Plan struct {
	Levels []PlannedLevel `json:"levels"`
	Stop   *Stop          `json:"stop,omitempty"`
}

// Plan computes what must happen when the layout is built.
func (l Layout) Plan() Plan {
	var p Plan
	own, host := l.Host, l.Host
	if len(host.UID) == 0 {
		own, host = Identity(), Identity()
	}
	// The first daemon's own map, as LXD reads it in uid_map, has host ids on
	// its right side; what counts for LXD is the left side in either case.
	for i, d := range l.Daemons {
		level := i + 1
		m, byDefault, reason := pick(d.Delegation, own)
		switch {
		case reason != None:
			p.Stop = &Stop{Level: level, Op: OpCreate, Reason: reason}
		case l.Room > 0 && level > l.Room:
			p.Stop = &Stop{Level: level, Op: OpStart, Reason: DepthLimit}
		case len(m.UID) == 0 || len(m.GID) == 0:
			p.Stop = &Stop{Level: level, Op: OpStart, Reason: UIDGIDDisagree}
		case !within(own.UID, m.UID) || !within(own.GID, m.GID):
			p.Stop = &Stop{Level: level, Op: OpStart, Reason: OutsideParent}
		case byDefault && d.ShadowTools:
			p.Stop = &Stop{Level: level, Op: OpStart, Reason: ShadowRefused}
		}
		if p.Stop != nil {
			return p
		}
		_, caps := Up(own.UID, capsTrialID)
		own, host = m, m.Compose(host)
		p.Levels = append(p.Levels, PlannedLevel{Level: level, Map: m, Host: host, FileCaps: caps})
	}
	return p
}
