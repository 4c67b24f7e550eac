package idmap

import (
	"errors"
	"slices"
)

// Layout is a chain before it is built. Daemons[0] is the host's LXD, which
// makes level 1; Daemons[i] is that of level i, which makes level i+1. So the
// depth is len(Daemons), and what the last level hands down plays no part.
type Layout struct {
	// Host is the map of the host's own user namespace, in host ids: Identity
	// on a machine, something smaller where nestbed itself runs in a container. Empty: Identity.
	Host Map
	// Room is how many levels the kernel has left: it nests MaxUserNamespaces user
	// namespaces and MaxDepth pid namespaces. 0: as many as are asked for.
	Room int
	// Cgroup1 tells that the machine has hierarchies of cgroup v1, in the layout v1 or hybrid.
	Cgroup1 bool
	// AppArmor tells that the machine's kernel has it in force.
	AppArmor bool
	// Daemons are the LXDs from the host down.
	Daemons []Daemon
	// Remaps tells that the host's LXD changes the owners of a container's files,
	// where others mount them idmapped: it depends on its version, the kernel and
	// the filesystem. Inside user namespaces every LXD does.
	Remaps bool
	// Image is what ids the files of the levels' image have.
	Image ImageIDs
}

// ImageIDs are the ids in an image: those that own its files, beside 0, and those named in access control lists.
type ImageIDs struct {
	OwnerUIDs, OwnerGIDs []uint32
	ACLUIDs, ACLGIDs     []uint32
}

// PlannedLevel is a level that must come up, with its map in parent ids and in
// host ids: in both a line for each mapping, in the order of /proc/PID/uid_map.
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
	// Warnings are about what works and yet surprises.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Plan computes what must happen when the layout is built. What a LXD cannot
// give to a container it refuses at create, as far as it looks at it; what only
// the kernel, or newuidmap, refuses shows at start. A daemon always starts.
func (l Layout) Plan() Plan {
	var p Plan
	own, host := l.Host, l.Host
	if len(host.UID) == 0 {
		own, host = Identity(), Identity()
	}
	for i, d := range l.Daemons {
		level := i + 1
		chosen := d.Choose(own)
		m, stop := l.level(d, level, own, chosen)
		if stop != nil {
			p.Stop = stop
			return p
		}
		_, caps := Up(own.UID, capsTrialID)
		planned := PlannedLevel{Level: level, Map: m, Host: m.Compose(host), FileCaps: caps}
		if d.on(KeyPrivileged) { // the same namespace, so the kernel shows the same lines; no file gets a new owner
			planned.Host, planned.FileCaps = host, true
		}
		p.Warnings = append(p.Warnings, d.warnings(level, chosen, own, planned)...)
		p.Levels = append(p.Levels, planned)
		own, host = m, planned.Host
	}
	return p
}

// level plans one level, made by a daemon whose own map is given.
func (l Layout) level(d Daemon, level int, own Map, chosen Choice) (Map, *Stop) {
	stop := func(op Op, reason Reason) (Map, *Stop) {
		return Map{}, &Stop{Level: level, Op: op, Reason: reason}
	}
	if _, _, _, reason := d.idmapConfig(); reason != None {
		return stop(OpCreate, reason) // looked at before anything else
	}
	if d.on(KeyPrivileged) {
		return own, l.privileged(d, level)
	}
	if chosen.Reason != None {
		return stop(OpCreate, chosen.Reason)
	}
	set, reason := d.container(chosen.Map, nil)
	profile := l.refusesProfile(level)
	switch {
	case reason == None && profile == OpCreate:
		return stop(OpCreate, ProfileRefused)
	case reason == MapInvalid:
		return stop(OpStart, reason)
	case reason != None:
		return stop(OpCreate, reason)
	}
	if reason := l.start(d, level, own, set); reason != None {
		return stop(OpStart, reason)
	}
	if profile == OpStart {
		return stop(OpStart, ProfileRefused)
	}
	if l.deniesMounts(level) || !l.mountsProc(level) {
		return stop(OpStart, NestingNotAllowed)
	}
	if l.Cgroup1 && d.OnlyCgroup2 {
		return stop(OpStart, CgroupUnsupported)
	}
	m := toMap(set)
	return Map{UID: Reported(m.UID), GID: Reported(m.GID)}, nil
}

// start gives the reason, or None, for which a container with the given map does
// not start, in the order in which LXD and liblxc come across it: new owners for
// the files of the image, new namespaces, their maps, and becoming root in them.
func (l Layout) start(d Daemon, level int, own Map, set []entry) Reason {
	m := toMap(set)
	if len(m.UID) == 0 || len(m.GID) == 0 {
		return UIDGIDDisagree
	}
	if l.Remaps || !isWhole(own) {
		if reason := l.Image.remap(own, m); reason != None {
			return reason
		}
	}
	if l.Room > 0 && level > l.Room {
		return DepthLimit
	}
	if l.deniesUserNS(level) {
		return UserNSDenied
	}
	// A map with the parent's root is written by liblxc itself (liblxc: idmap_utils.c, lxc_map_ids).
	mapsRoot := slices.ContainsFunc(set, func(e entry) bool { return e.uid && e.parent == 0 })
	shadow := d.ShadowTools && !mapsRoot
	for _, kind := range []struct {
		own, want []Mapping
		file      File
		overflows bool
	}{
		{own.UID, m.UID, d.Delegation.UID, slices.ContainsFunc(set, func(e entry) bool { return e.uid && e.overflows() })},
		{own.GID, m.GID, d.Delegation.GID, slices.ContainsFunc(set, func(e entry) bool { return e.gid && e.overflows() })},
	} {
		switch {
		case shadow && !kind.file.Missing && kind.overflows:
			return MapInvalid
		case shadow && !Granted(kind.file, kind.want):
			return ShadowRefused
		}
		switch err := Accept(kind.own, kind.want); {
		case errors.Is(err, ErrUnmappedIDs):
			return OutsideParent
		case err != nil:
			return MapInvalid
		}
	}
	if !exists(m.UID, 0) || !exists(m.GID, 0) {
		return UIDGIDDisagree
	}
	return None
}

// remap gives the reason, or None, for which the image's files cannot get the
// owners that the map wants. An owner that the map lacks is left as it is; an
// id in an access control list that it lacks is an error
// (LXD: shared/idmap/shift_linux.go, ShiftOwner and ShiftACL).
func (ids ImageIDs) remap(own, m Map) Reason {
	for _, kind := range []struct {
		own, m []Mapping
		owners []uint32
	}{{own.UID, m.UID, ids.OwnerUIDs}, {own.GID, m.GID, ids.OwnerGIDs}} {
		for _, id := range append([]uint32{0}, kind.owners...) {
			if parent, mapped := Up(kind.m, id); mapped && !exists(kind.own, parent) {
				return OutsideParent
			}
		}
	}
	for _, kind := range []struct {
		own, m []Mapping
		named  []uint32
	}{{own.UID, m.UID, ids.ACLUIDs}, {own.GID, m.GID, ids.ACLGIDs}} {
		for _, id := range kind.named {
			if parent, mapped := Up(kind.m, id); !mapped || !exists(kind.own, parent) {
				return ImageIDsUnmapped
			}
		}
	}
	return None
}

// exists tells whether an id exists inside a level with these mappings.
func exists(mappings []Mapping, inside uint32) bool {
	_, has := Up(mappings, inside)
	return has
}
