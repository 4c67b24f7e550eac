package idmap

import (
	"errors"
	"slices"
)

// A Layout describes a chain before it is built. Daemons[0] is the host's LXD, which creates
// level 1; Daemons[i] is the LXD at level i, which creates level i+1. So the depth is
// len(Daemons), and the subid files of the last level do not matter.
type Layout struct {
	// Host is the map of the host's user namespace, in host ids: Identity on a machine, a
	// smaller map if nestbed itself runs in a container. Empty means Identity.
	Host Map
	// Room is the number of levels that the kernel can still nest: of MaxUserNamespaces user
	// namespaces and MaxDepth pid namespaces. 0 means no limit.
	Room int
	// Cgroup1 is true if the machine has hierarchies of cgroup v1, in the layout v1 or hybrid.
	Cgroup1 bool
	// AppArmor is true if the machine's kernel enforces AppArmor.
	AppArmor bool
	// Daemons are the LXD daemons, from the host down.
	Daemons []Daemon
	// Remaps is true if the host's LXD changes the owners of a container's files instead of
	// mounting them idmapped. That depends on its version, the kernel and the filesystem. LXD
	// inside a user namespace always changes owners.
	Remaps bool
	// Image holds the ids in the image of the levels.
	Image ImageIDs
}

// ImageIDs are the ids in an image: the owners of its files, except 0, and the ids in access
// control lists.
type ImageIDs struct {
	OwnerUIDs, OwnerGIDs []uint32
	ACLUIDs, ACLGIDs     []uint32
}

// A PlannedLevel is a level that comes up, with its map in parent ids and in host ids. Both
// maps have one line per mapping, in the order of /proc/PID/uid_map.
type PlannedLevel struct {
	Level int `json:"level"`
	Map   Map `json:"map"`
	Host  Map `json:"host"`
	// FileCaps is true if the files of the image keep their capabilities. They lose them if the
	// LXD above does not have id 1000000. At its start that LXD tests with this id whether it
	// can write capabilities for another root. If it cannot, it removes capabilities from every
	// file whose owner it changes (LXD 5.0 to main and Incus: shared/idmap/shift_linux.go,
	// set_dummy_fs_ns_caps).
	FileCaps bool `json:"fileCaps"`
}

// capsTrialID is the id with which LXD tests file capabilities.
const capsTrialID = 1000000

// A Plan is the predicted result of building a chain: the levels that come up, and the stop if
// the chain is not complete.
type Plan struct {
	Levels []PlannedLevel `json:"levels"`
	Stop   *Stop          `json:"stop,omitempty"`
	// Warnings are about levels that come up but behave in an unexpected way.
	Warnings []Warning `json:"warnings,omitempty"`
}

// With returns the plan after a level has started again as l. The levels below keep their maps.
func (p Plan) With(l PlannedLevel) Plan {
	p.Levels = slices.Clone(p.Levels)
	p.Levels[l.Level-1] = l
	for i := l.Level; i < len(p.Levels); i++ {
		p.Levels[i].Host = p.Levels[i].Map.Compose(p.Levels[i-1].Host)
	}
	return p
}

// Plan computes the result of building the layout. LXD itself refuses some ids at create; the
// kernel and newuidmap refuse others, which fails at start. A daemon always starts.
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
		if d.on(KeyPrivileged) { // it has the namespace of the level above, and no file changes its owner
			planned.Host, planned.FileCaps = host, true
		}
		p.Warnings = slices.Concat(p.Warnings, d.warnings(level, chosen, own, planned), l.warnProfile(level))
		p.Levels = append(p.Levels, planned)
		own, host = m, planned.Host
	}
	return p
}

// level plans one level. own is the map of the namespace of d.
func (l Layout) level(d Daemon, level int, own Map, chosen Choice) (Map, *Stop) {
	stop := func(op Op, reason Reason) (Map, *Stop) {
		return Map{}, &Stop{Level: level, Op: op, Reason: reason}
	}
	if _, _, _, reason := d.idmapConfig(); reason != None {
		return stop(OpCreate, reason) // LXD checks it first
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
	if d.refusesLines() {
		return stop(OpStart, ConfigRefused)
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

// start returns the reason why a container with the given map does not start, or None. Its
// order is that of LXD and liblxc: change the owners of the image's files, create namespaces,
// write their maps, become root inside.
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
	// liblxc itself writes a map that includes the parent's root (liblxc: idmap_utils.c,
	// lxc_map_ids).
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
		case shadow && !d.Shadow.Grants(kind.file, kind.want):
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

// remap returns the reason why the image's files cannot get their new owners, or None. LXD
// keeps an owner that the map does not have; such an id in an access control list is an error
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

// exists reports whether mappings contain an inside id.
func exists(mappings []Mapping, inside uint32) bool {
	_, has := Up(mappings, inside)
	return has
}
