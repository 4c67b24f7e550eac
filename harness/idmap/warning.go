package idmap

import "fmt"

// A Warning is about a level that comes up but behaves in an unexpected way.
type Warning struct {
	// Level is the level concerned.
	Level int `json:"level"`
	// Kind is for programs, Text for people.
	Kind WarningKind `json:"kind"`
	Text string      `json:"text"`
}

func (w Warning) String() string { return fmt.Sprintf("level %d: %s", w.Level, w.Text) }

// A WarningKind is the subject of a warning.
type WarningKind string

// The kinds of warning.
const (
	SharesRoot      WarningKind = "shares root"        // root of the level is root of its parent
	SharesIDs       WarningKind = "shares ids"         // the level has ids of its parent's own users
	IDsLost         WarningKind = "ids lost"           // the default map leaves some ids unused
	LinePassedOver  WarningKind = "line passed over"   // a usable line is not the first
	GIDsByUIDs      WarningKind = "gids follow uids"   // an isolated container's gids start at the same id as its uids
	KeyIgnored      WarningKind = "key ignored"        // a configuration key has no effect here
	FewerThanABlock WarningKind = "fewer than a block" // some users of the image have no id
	FileCapsLost    WarningKind = "file capabilities lost"
	SharesQuotas    WarningKind = "shares quotas" // containers beside the level have the same ids
	NoProfile       WarningKind = "no profile"    // AppArmor confines the level, but by no profile of its own
)

// warnings returns the warnings about a level that comes up. own is the map of the namespace of
// d.
func (d Daemon) warnings(level int, c Choice, own Map, p PlannedLevel) []Warning {
	var out []Warning
	warn := func(kind WarningKind, format string, args ...any) {
		out = append(out, Warning{Level: level, Kind: kind, Text: fmt.Sprintf(format, args...)})
	}
	above := fmt.Sprintf("level %d", level-1)
	if level == 1 {
		above = "the host"
	}
	if d.on(KeyPrivileged) {
		warn(SharesRoot, "it is privileged: it has the ids of %s, including root", above)
		return out
	}
	d.warnSharing(warn, above, p)
	if c.Default && !isWhole(own) && len(c.Map.UID) > 0 { // an isolated container comes up without the daemon's uids, too
		first := max(Block, int(own.UID[0].Inside))
		if from := int(c.Map.UID[0].Parent); from > first {
			warn(IDsLost, "%s, so its ids start at id %d of %s, and ids %d to %d there are unused", c.Why, from, above, first, from-1)
		}
	}
	for _, f := range []struct {
		name string
		read Reading
	}{{"subuid", c.UID}, {"subgid", c.GID}} {
		for _, l := range f.read.Lines {
			if l.Verdict == Later && !c.Default {
				warn(LinePassedOver, "/etc/%s line %d (%s) of %s is passed over: LXD takes the first that is large enough", f.name, l.Number, l.Text, above)
			}
		}
	}
	isolated, size, base, _ := d.idmapConfig()
	if isolated && (len(c.Map.UID) == 0 || len(c.Map.GID) == 0 || c.Map.UID[0] != c.Map.GID[0]) {
		warn(GIDsByUIDs, "it is isolated, so its gids start at the same id as its uids, not where /etc/subgid says")
	}
	if !isolated && (base >= 0 && !d.placed(isolated, base) || size >= 0 && !d.Flavor.follows(limitsEverySize)) {
		warn(KeyIgnored, "%s and %s affect isolated containers only", KeySize, KeyBase)
	}
	if has := Count(p.Map.UID); has < Block {
		warn(FewerThanABlock, "it has %d ids: users and groups from %d on, such as nobody (65534), do not exist in it", has, has)
	}
	if !isolated {
		warn(SharesQuotas, "containers beside it that are not isolated have the same ids, and share one quota of kernel keys with it")
	}
	if !p.FileCaps {
		warn(FileCapsLost, "files of its image lose their capabilities, as %s has no id %d", above, capsTrialID)
	}
	return out
}

// warnProfile returns the warning about a level that has no AppArmor profile of its own.
func (l Layout) warnProfile(level int) []Warning {
	if !l.AppArmor || level <= Confined {
		return nil
	}
	return []Warning{{Level: level, Kind: NoProfile, Text: fmt.Sprintf("no AppArmor profile can be made in level %d, so it runs in that of level %d", level-1, Confined)}}
}

func (d Daemon) warnSharing(warn func(WarningKind, string, ...any), above string, p PlannedLevel) {
	for _, kind := range []struct {
		name string
		m    []Mapping
	}{{"uid", p.Map.UID}, {"gid", p.Map.GID}} {
		for _, m := range kind.m {
			last := m.Parent + min(m.Count, Block-min(m.Parent, Block)) - 1
			switch {
			case m.Parent == 0:
				warn(SharesRoot, "its %s %d is root of %s and has the rights of root there", kind.name, m.Inside, above)
			case m.Parent < Block:
				warn(SharesIDs, "it shares %ss %d to %d with users of %s, and their files", kind.name, m.Parent, last, above)
			}
		}
	}
}
