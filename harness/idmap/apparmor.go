package idmap

import "strings"

// KeyRawAppArmor holds rules that LXD adds to a container's AppArmor profile.
const KeyRawAppArmor = "raw.apparmor"

// KeyRawLXC holds lines that LXD adds to the configuration of liblxc for a container.
const KeyRawLXC = "raw.lxc"

// UnchangedProfile is the line of such a configuration by which liblxc leaves a container in the AppArmor profile
// that it runs in itself (man 5 lxc.container.conf).
const UnchangedProfile = "lxc.apparmor.profile = unchanged"

// KeyAppArmor is the configuration key of a container whose value false keeps a daemon inside from making AppArmor profiles
// (LXD: lxd/sys/apparmor.go, LXD_SECURITY_APPARMOR; Incus: internal/server/sys/apparmor.go).
func (f Flavor) KeyAppArmor() string {
	if f == Incus {
		return "environment.INCUS_SECURITY_APPARMOR"
	}
	return "environment.LXD_SECURITY_APPARMOR"
}

// Confined is the first level of which the daemon can make no AppArmor profiles: a namespace of profiles can be made within the
// machine's only, and level 1 has that.
const Confined = 2

// refusesProfile gives the operation, if any, at which a level fails as no AppArmor profile can be made for it. A daemon at
// level Confined or further down fails for the program that unpacks images (LXD: lxd/apparmor/archive.go), unless it is told
// to make none; for the container, liblxc then fails, unless it is told the same. Daemons and containers without a word of
// configuration about it are told, as whoever wants to nest does.
func (l Layout) refusesProfile(level int) Op {
	if !l.AppArmor || level <= Confined || level > len(l.Daemons) {
		return ""
	}
	if text, set := l.Daemons[level-2].Config[l.Daemons[level-1].Flavor.KeyAppArmor()]; set {
		if on, valid := boolean(text); on || !valid || text == "" {
			return OpCreate
		}
	}
	if lines := l.Daemons[level-1].Config[KeyRawLXC]; lines != "" && !strings.Contains(lines, UnchangedProfile) {
		return OpStart
	}
	return ""
}

// UserNSRule is the rule that lets what is confined make user namespaces (man 5 apparmor.d).
const UserNSRule = "userns,"

// confines is the daemon that has made the AppArmor profile which what makes a level runs in: that of the level above, up to the last
// that has one. Nil: none of the chain's, or, of the levels around a family, nothing is known but that they are up.
func (l Layout) confines(level int) *Daemon {
	by := min(level-2, Confined-1)
	if by < 0 || by >= len(l.Daemons) {
		return nil
	}
	return &l.Daemons[by]
}

// deniesUserNS tells whether AppArmor keeps a level from being started: what asks for its user namespace is in a profile without
// a rule for that. Daemons without a word of configuration about it grant it, as whoever wants to nest does.
func (l Layout) deniesUserNS(level int) bool {
	by := l.confines(level)
	if by == nil || !by.DeniesUserNS {
		return false
	}
	rules, set := by.now()[KeyRawAppArmor]
	return set && !strings.Contains(rules, UserNSRule)
}

// deniesMounts tells whether AppArmor keeps a level from being started, privileged or not: liblxc mounts its root filesystem first, which
// the profile lets it do where KeyNesting is on now (LXD: lxd/apparmor/instance_lxc.go), whatever it was when that level started.
func (l Layout) deniesMounts(level int) bool {
	by := l.confines(level)
	return l.AppArmor && by != nil && !nests(by.now())
}
