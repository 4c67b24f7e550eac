package idmap

import "fmt"

// A daemon uses these if the files give it no ids.
const (
	// On a host with all ids (LXD: idmap/idmapset_linux.go, kernelDefaultMap; Incus:
	// internal/server/sys/os.go, getIdmapset).
	hostDefaultStart = 1000000
	hostDefaultCount = 1000000000
	// Inside a user namespace LXD takes all ids from here up, and Incus from Block up.
	levelDefaultStart = 100000
)

// A Daemon is an LXD or Incus with everything that decides which ids it gives to its
// containers.
type Daemon struct {
	Flavor Flavor
	// Delegation holds its subuid and subgid files.
	Delegation Delegation
	// ShadowTools is true if newuidmap and newgidmap exist and are privileged. liblxc then
	// calls them instead of writing maps itself, and they refuse what subuid and subgid do not
	// grant (liblxc: idmap_utils.c, lxc_map_ids). Without them Incus ignores the files.
	ShadowTools bool
	// Shadow is their version.
	Shadow Shadow
	// OnlyCgroup2 is true if its liblxc supports only cgroup v2, as since 7.0. No container
	// then starts on a machine that has hierarchies of v1.
	OnlyCgroup2 bool
	// DeniesUserNS is true if its AppArmor profiles keep processes in a container from creating
	// user namespaces, and the kernel enforces that. No level then starts inside, unless
	// KeyRawAppArmor permits it.
	DeniesUserNS bool
	// Config is the configuration of the container that it creates. The keys of this package
	// count.
	Config map[string]string
	// CurrentConfig is the container's configuration when something is created inside it, if it
	// changed after the start: the AppArmor profile follows such a change at once. Nil means
	// Config.
	CurrentConfig map[string]string
	// Network is the configuration of the managed bridge that the container is connected to; nil:
	// none. Ids do not depend on it.
	Network map[string]string
	// Interface is the configuration of the container's interface on that bridge.
	Interface map[string]string
}

// currentConfig returns the configuration from which the container's AppArmor profile is made.
func (d Daemon) currentConfig() map[string]string {
	if d.CurrentConfig != nil {
		return d.CurrentConfig
	}
	return d.Config
}

// A Choice is the map that a daemon chooses at its start, for all its containers.
type Choice struct {
	// Map maps ids from inside id 0 up. It is empty if Reason is not None. Either UID or GID
	// may be empty; no container then starts. With Incus each may have several lines.
	Map Map `json:"map"`
	// Default is true if the map does not come from the files; Why then says why, in a phrase.
	Default bool   `json:"default"`
	Why     string `json:"why,omitempty"`
	// Reason says why there is no map. The daemon still starts, but refuses to create
	// unprivileged containers.
	Reason Reason `json:"reason,omitempty"`
	// UID and GID are the results of reading the files.
	UID Reading `json:"-"`
	GID Reading `json:"-"`
}

// Choose returns the map that a daemon chooses at its start, when it reads the files. own is
// the map of the daemon's namespace; only its inside ids count. (LXD: idmap/idmapset_linux.go,
// GetIdmapSet; Incus: internal/server/sys/os.go, getIdmapset.)
func (d Daemon) Choose(own Map) Choice {
	c := Choice{UID: Read(d.Delegation.UID, d.Flavor), GID: Read(d.Delegation.GID, d.Flavor)}
	d.choose(&c, own)
	if c.Reason == None && len(c.Map.UID) == 0 && len(c.Map.GID) == 0 {
		c.Reason = NoAllocation
	}
	// Incus does not check whether its own namespace has the ids, so the start fails instead.
	if c.Reason == None && !d.Flavor.Incus() && (!contains(own.UID, c.Map.UID) || !contains(own.GID, c.Map.GID)) {
		c.Reason, c.Why = OutsideParent, "the allocation is not in the map of the level itself"
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
	if d.Flavor.Incus() && !d.ShadowTools {
		byDefault("newuidmap and newgidmap are missing")
		return
	}
	for _, f := range files {
		if f.file.Missing && !d.Flavor.follows(readsFilesInTurn) {
			byDefault("%s is missing", f.name)
			return
		}
	}
	// The daemon reads the files in this order and stops at the first problem: a malformed
	// subgid does not matter if subuid has no line for root.
	for _, f := range files {
		switch {
		case f.file.Missing:
			byDefault("%s is missing", f.name)
			return
		case f.read.Malformed > 0:
			c.Reason, c.Why = SubIDMalformed, fmt.Sprintf("%s line %d is malformed", f.name, f.read.Malformed)
			return
		case len(f.read.Ranges) == 0 && d.Flavor.Incus():
			c.Reason, c.Why = NoAllocation, f.name+" has no line for root"
			return
		case len(f.read.Ranges) == 0:
			byDefault("%s has no line for root", f.name)
			return
		}
		if *f.into = f.read.mappings(); *f.into == nil {
			c.Why = fmt.Sprintf("%s has no line for root with %d ids or more", f.name, Block)
		}
	}
}

// defaultMap returns the map that a daemon chooses if it does not use the files.
func (d Daemon) defaultMap(own Map) Map {
	if !d.Flavor.Incus() {
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

// isWhole reports whether own has all ids.
func isWhole(own Map) bool {
	whole := func(mappings []Mapping) bool {
		e := extents(mappings)
		return len(e) == 1 && e[0].Inside == 0 && e[0].Count == MaxID+1
	}
	return whole(own.UID) && whole(own.GID)
}

// lxdDefault returns the first run of ids from levelDefaultStart up that is large enough.
func lxdDefault(own []Mapping, whole bool) []Mapping {
	if whole {
		return []Mapping{{Inside: 0, Parent: hostDefaultStart, Count: hostDefaultCount}}
	}
	for _, e := range extents(own) {
		last := uint64(e.Inside) + uint64(e.Count) - 1
		start := max(uint64(e.Inside), levelDefaultStart)
		// LXD's test is last-start < 65536, so it needs one id more than a block.
		if last < start || last-start < Block {
			continue
		}
		return []Mapping{{Inside: 0, Parent: uint32(start), Count: uint32(last - start + 1)}}
	}
	return nil
}

// incusDefault returns the line with the most ids from start up, or the first of several, and
// at most hostDefaultCount of its ids (Incus: shared/idmap/set.go, Split). Unlike LXD, Incus
// joins no adjacent lines.
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

// contains reports whether each parent range of child lies in one unbroken run of ids that
// parent has (LXD: idmap/idmapset_linux.go, Usable and ValidRanges).
func contains(parent, child []Mapping) bool {
	runs := extents(parent)
	for _, c := range child {
		if !Within(runs, c) {
			return false
		}
	}
	return true
}
