package idmap

import "strings"

// KeyRawAppArmor holds rules that LXD adds to a container's AppArmor profile.
const KeyRawAppArmor = "raw.apparmor"

// UserNSRule is the rule that lets what is confined make user namespaces (man 5 apparmor.d).
const UserNSRule = "userns,"

// deniesUserNS tells whether AppArmor keeps a level from being started: what asks for its user namespace runs in the level
// above, and so in the profile of that. Only the host's LXD and that of level 1 make profiles, as the kernel tells
// one namespace of profiles from another (LXD: lxd/sys/apparmor.go); what is further inside is in the one of level 2.
// Daemons without a word of configuration about it grant it, as whoever wants to nest does.
func (l Layout) deniesUserNS(level int) bool {
	by := min(level-2, 1)
	// Of the levels around a family nothing is known but that they are up.
	if by < 0 || by >= len(l.Daemons) || !l.Daemons[by].DeniesUserNS {
		return false
	}
	rules, set := l.Daemons[by].Config[KeyRawAppArmor]
	return set && !strings.Contains(rules, UserNSRule)
}
