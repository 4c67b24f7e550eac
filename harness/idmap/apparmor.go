package idmap

import "strings"

// KeyRawAppArmor is the configuration key with rules that LXD adds to a container's AppArmor
// profile.
const KeyRawAppArmor = "raw.apparmor"

// UnchangedProfile is a line of KeyRawLXC. It makes liblxc leave the container in liblxc's own
// AppArmor profile (man 5 lxc.container.conf).
const UnchangedProfile = "lxc.apparmor.profile = unchanged"

// KeyAppArmor returns the configuration key of a container that, if false, keeps a daemon
// inside from creating AppArmor profiles (LXD: lxd/sys/apparmor.go, LXD_SECURITY_APPARMOR;
// Incus: internal/server/sys/apparmor.go).
func (f Flavor) KeyAppArmor() string {
	if f.Incus() {
		return "environment.INCUS_SECURITY_APPARMOR"
	}
	return "environment.LXD_SECURITY_APPARMOR"
}

// Confined is the first level whose daemon cannot create AppArmor profiles: policy namespaces
// nest only once, and level 1 has one.
const Confined = 2

// refusesProfile returns the operation at which a level fails because no AppArmor profile can
// be created for it, or "". A daemon at level Confined or below fails in OpCreate, because of
// the profile of the program that unpacks images (LXD: lxd/apparmor/archive.go), unless
// KeyAppArmor disables profiles. The container then fails in OpStart, because of its own
// profile, unless KeyRawLXC has UnchangedProfile. If a configuration does not set these keys,
// refusesProfile assumes the values that make nesting work.
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

// UserNSRule is the rule that lets a confined process create user namespaces (man 5
// apparmor.d).
const UserNSRule = "userns,"

// profileMaker returns the daemon that created the AppArmor profile in which a level is started:
// the daemon of the level above, or of the last level that can create profiles. It returns nil
// if that daemon is outside the chain, or is not in l.Daemons because l belongs to a Family.
func (l Layout) profileMaker(level int) *Daemon {
	i := min(level-2, Confined-1)
	if i < 0 || i >= len(l.Daemons) {
		return nil
	}
	return &l.Daemons[i]
}

// deniesUserNS reports whether AppArmor keeps a level from starting, because the profile in
// which its user namespace is created has no UserNSRule. If a configuration does not set
// KeyRawAppArmor, deniesUserNS assumes the rule.
func (l Layout) deniesUserNS(level int) bool {
	maker := l.profileMaker(level)
	if maker == nil || !maker.DeniesUserNS {
		return false
	}
	rules, set := maker.currentConfig()[KeyRawAppArmor]
	return set && !strings.Contains(rules, UserNSRule)
}

// deniesMounts reports whether AppArmor keeps a level, privileged or not, from starting: liblxc
// first mounts the root filesystem. Unless its daemon allowsMounts, the profile permits that only
// if KeyNesting is on at that moment, even if it had another value when the level above started
// (LXD: lxd/apparmor/instance_lxc.go).
func (l Layout) deniesMounts(level int) bool {
	maker := l.profileMaker(level)
	if !l.AppArmor || maker == nil {
		return false
	}
	allowed := maker.Flavor.follows(allowsMounts) && !maker.on(KeyPrivileged)
	return !allowed && !nests(maker.currentConfig())
}
