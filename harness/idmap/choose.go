package idmap

import "fmt"

// Where a daemon looks for ids when the files give it none.
const (
	// On a host with all ids (LXD: idmap/idmapset_linux.go, kernelDefaultMap;
	// Incus: internal/server/sys/os.go, getIdmapset).
	hostDefaultStart = 1000000
	hostDefaultCount = 1000000000
	// Inside a user namespace LXD takes everything from here up, Incus from Block up.
	levelDefaultStart = 100000
)

// Daemon is what decides the ids that one LXD or Incus gives to its containers.
type Daemon struct {
	Flavor Flavor
	// Delegation is what its subuid and subgid files say.
	Delegation Delegation
	// ShadowTools tells that newuidmap and newgidmap are there and privileged.
	// liblxc then writes no map itself but has them do it, and they refuse what
	// subuid and subgid do not grant (liblxc: idmap_utils.c, lxc_map_ids); and
	// without them Incus does not look at the files.
	ShadowTools bool
	// OnlyCgroup2 tells that its liblxc knows cgroup v2 alone, as since 7.0: where the machine has
	// hierarchies of v1, no container starts.
	OnlyCgroup2 bool
	// DeniesUserNS tells that the AppArmor profiles that it makes let nothing in a container make a user namespace,
	// and that the kernel asks them: no level then starts inside, unless KeyRawAppArmor grants it.
	DeniesUserNS bool
	// Config is the configuration of the container that it makes: the keys raw.idmap and security.idmap.* count.
	Config map[string]string
	// Now is that configuration as it is when something is made inside, where it was changed since: an AppArmor profile
	// follows it at once. Nil: Config.
	Now map[string]string
}

// now is the configuration that the container's AppArmor profile is made from.
func (d Daemon) now() map[string]string {
	if d.Now != nil {
		return d.Now
	}
	return d.Config
}

// Choice is the map that a daemon settles on when it starts, for all its containers.
type Choice struct {
	// Map is from inside id 0 up; empty where Reason is not None. One of UID and
	// GID may be empty: no container then starts. Incus may have several lines.
	Map Map `json:"map"`
	// Default tells that no file gave the map; Why says why not, in a phrase.
	Default bool   `json:"default"`
	Why     string `json:"why,omitempty"`
	// Reason is why there is no map. The daemon starts all the same, and refuses
	// to create unprivileged containers.
	Reason Reason `json:"reason,omitempty"`
	// UID and GID are the files as this daemon reads them.
	UID Reading `json:"-"`
	GID Reading `json:"-"`
}

// Choose gives the map that a daemon takes whose own user namespace has the map
// own, of which the left sides count. The files are read once, when it starts.
// (LXD: idmap/idmapset_linux.go, GetIdmapSet; Incus: internal/server/sys/os.go, getIdmapset.)
func (d Daemon) Choose(own Map) Choice {
	c := Choice{UID: Read(d.Delegation.UID, d.Flavor), GID: Read(d.Delegation.GID, d.Flavor)}
	d.choose(&c, own)
	if c.Reason == None && len(c.Map.UID) == 0 && len(c.Map.GID) == 0 {
		c.Reason = NoAllocation
	}
	// Incus does not look whether its own namespace has the ids: the start fails.
	if c.Reason == None && d.Flavor != Incus && (!contains(own.UID, c.Map.UID) || !contains(own.GID, c.Map.GID)) {
		c.Reason, c.Why = OutsideParent, "it is not in the map of the level itself"
	}
	if c.Reason != None {
		c.Map = Map{}
	}
	return c
}

func (d Daemon) choose(c *Choice, own Map) {
	files := []struct {
		name string
		file File
		read Reading
		into *[]Mapping
	}{
		{"/etc/subuid", d.Delegation.UID, c.UID, &c.Map.UID},
		{"/etc/subgid", d.Delegation.GID, c.GID, &c.Map.GID},
	}
	byDefault := func(format string, args ...any) {
		c.Default, c.Why = true, fmt.Sprintf(format, args...)
		c.Map = d.defaultMap(own)
	}
	if d.Flavor == Incus && !d.ShadowTools {
		byDefault("newuidmap and newgidmap are missing")
		return
	}
	for _, f := range files {
		if f.file.Missing {
			byDefault("%s is missing", f.name)
			return
		}
	}
	// The files are read in this order and the first trouble decides: a
	// malformed subgid does not matter where subuid has no line of root's.
	for _, f := range files {
		switch {
		case f.read.Malformed > 0:
			c.Reason, c.Why = SubIDMalformed, fmt.Sprintf("%s line %d is malformed", f.name, f.read.Malformed)
			return
		case len(f.read.Ranges) == 0 && d.Flavor == Incus:
			c.Reason, c.Why = NoAllocation, f.name+" has no line of root's"
			return
		case len(f.read.Ranges) == 0:
			byDefault("%s has no line of root's", f.name)
			return
		}
		if *f.into = f.read.mappings(); *f.into == nil {
			c.Why = fmt.Sprintf("%s has no line of root's with %d ids or more", f.name, Block)
		}
	}
}

// defaultMap is what a daemon takes when the files do not count.
func (d Daemon) defaultMap(own Map) Map {
	if d.Flavor != Incus {
		whole := isWhole(own)
		return Map{UID: lxdDefault(own.UID, whole), GID: lxdDefault(own.GID, whole)}
	}
	for _, start := range []uint32{hostDefaultStart, Block} {
		m := Map{UID: incusDefault(own.UID, start), GID: incusDefault(own.GID, start)}
		if m.UID != nil && m.GID != nil {
			return m
		}
	}
	return Map{}
}

// isWhole tells whether the daemon runs where all ids exist.
func isWhole(own Map) bool {
	whole := func(mappings []Mapping) bool {
		e := extents(mappings)
		return len(e) == 1 && e[0].Inside == 0 && e[0].Count == MaxID+1
	}
	return whole(own.UID) && whole(own.GID)
}

// lxdDefault takes the first run of ids that has enough from levelDefaultStart up.
func lxdDefault(own []Mapping, whole bool) []Mapping {
	if whole {
		return []Mapping{{Inside: 0, Parent: hostDefaultStart, Count: hostDefaultCount}}
	}
	for _, e := range extents(own) {
		last := uint64(e.Inside) + uint64(e.Count) - 1
		start := max(uint64(e.Inside), levelDefaultStart)
		// LXD's test is last-start < 65536: it wants one id more than a block.
		if last < start || last-start < Block {
			continue
		}
		return []Mapping{{Inside: 0, Parent: uint32(start), Count: uint32(last - start + 1)}}
	}
	return nil
}

// incusDefault takes the line with the most ids from start up, the first of
// several, and of that no more than a host's default
// (Incus: shared/idmap/set.go, Split). Unlike LXD it joins no neighbors.
func incusDefault(own []Mapping, start uint32) []Mapping {
	var largest Mapping
	for _, m := range own {
		end := uint64(m.Inside) + uint64(m.Count)
		from := max(uint64(m.Inside), uint64(start))
		if end < from+Block {
			continue
		}
		if count := uint32(min(end-from, hostDefaultCount)); largest.Count < count {
			largest = Mapping{Inside: 0, Parent: uint32(from), Count: count}
		}
	}
	if largest.Count == 0 {
		return nil
	}
	return []Mapping{largest}
}

// contains tells whether every range that child takes lies in one unbroken run
// of ids that the parent has (LXD: idmap/idmapset_linux.go, Usable and ValidRanges).
func contains(parent, child []Mapping) bool {
	runs := extents(parent)
	for _, c := range child {
		if !Within(runs, c) {
			return false
		}
	}
	return true
}
