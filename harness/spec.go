package harness

import (
	"fmt"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// MaxDepth is the largest depth of a Spec: one level more than any kernel nests, so that a chain
// can reach the kernel's limit.
const MaxDepth = idmap.MaxDepth + 1

// A LevelSpec describes one level.
type LevelSpec struct {
	// Delegation is the content of the level's subid files, for the level below. If it is nil,
	// both files exist and are empty.
	Delegation *idmap.Delegation
	// Config is added to the container's configuration and overrides what the harness sets:
	//  - security.nesting on every level that has another below it;
	//  - raw.apparmor on levels with security.nesting, if LXD's own profile would not let another
	//    level start there;
	//  - environment.LXD_SECURITY_APPARMOR, and Incus's counterpart, if AppArmor is in force, on
	//    levels with security.nesting from level 2 down: profiles cannot be made there.
	//
	// An empty value removes a key.
	Config map[string]string
	// Bundle is the bundle that the level runs. If it is nil, the level runs the host's.
	Bundle *bundle.Bundle
	// Live is applied after the level is up and before the next one is made.
	Live Live
	// Storage is the driver of the storage pool in the LXD above that holds the level. If it is
	// empty, the Spec's applies.
	Storage string
	// StorageConfig is added to the configuration of that pool.
	StorageConfig map[string]string
	// Network is the configuration of the managed bridge in the LXD above that the level is
	// connected to, by an interface eth0. If it is nil, there is no bridge, and the level has only
	// its loopback interface. LXD needs dnsmasq and nft for a bridge.
	Network map[string]string
	// Interface is added to the configuration of that interface, a device of type nic.
	Interface map[string]string
	// Project is added to the configuration of the project in which the LXD above makes the level.
	// The plan does not take it into account.
	Project map[string]string
}

// A Spec describes a chain. Levels[0] is level 1.
type Spec struct {
	Levels []LevelSpec
	// Storage is the driver of every LXD's storage pool: dir or btrfs. The default is dir.
	Storage string
	// Whole gives every level its own /usr. Without it, a level that runs the bundle of the level
	// above has that level's /usr, read-only; see Thin.
	Whole bool
	// LXCFS makes lxcfs on the host cover files of /proc in level 1.
	LXCFS bool
	// Hooks run around operations.
	Hooks []Hook
	// OnLevel, if set, is called when a level is up, from the goroutine of Build.
	OnLevel func(*Level) `json:"-"`
}

// Cascade returns the article's chain: every level keeps one block of ids and delegates the rest.
// It needs idmap.Needed(depth) ids from the host.
func Cascade(depth int) Spec { return Delegating(depth, idmap.Cascade(depth)) }

// Delegating returns a chain in which level i delegates delegations[i-1]. Levels beyond the list
// delegate nothing.
func Delegating(depth int, delegations []idmap.Delegation) Spec {
	s := Spec{Levels: make([]LevelSpec, depth)}
	for i := range min(depth, len(delegations)) {
		s.Levels[i].Delegation = &delegations[i]
	}
	return s
}

// Validate returns an error if the depth is out of range.
func (s Spec) Validate() error {
	if depth := len(s.Levels); depth < 1 || depth > MaxDepth {
		return fmt.Errorf("depth %d: out of range; a chain has 1 to %d levels", depth, MaxDepth)
	}
	return nil
}

// BundleOf returns what a level runs. Level 0 is the host.
func (s Spec) BundleOf(h host.Traits, level int) *bundle.Bundle {
	if level > 0 && s.Levels[level-1].Bundle != nil {
		return s.Levels[level-1].Bundle
	}
	return h.Bundle
}

// Thin reports whether a level gets /usr from the level above: what LXD needs to run is the same
// in both. /usr belongs to the host's root then, or to root of the level where it comes from, which
// is nobody inside. So the kernel ignores set-user-id and file capabilities in it (man 7
// user_namespaces). The LXD of an existing host has no bundle, so level 1 there has its own /usr.
func (s Spec) Thin(h host.Traits, level int) bool {
	b, above := s.BundleOf(h, level), s.DaemonBundle(h, level-1)
	return !s.Whole && b.Thin.Path != "" && b.Key == above.Key
}

// DaemonBundle returns the bundle of the LXD of a level. Level 0 is the host.
func (s Spec) DaemonBundle(h host.Traits, level int) *bundle.Bundle {
	if level == 0 {
		return h.Daemon
	}
	return s.BundleOf(h, level)
}

// Plan returns what must happen when the spec is built on the host.
func (s Spec) Plan(h host.Traits) idmap.Plan {
	layout := LayoutOf(h)
	for above, made := range s.Levels { // the LXD at level above makes level above+1
		d := s.PlanDaemon(h, above)
		d.Config, d.CurrentConfig = made.effectiveConfig(s.LXCFS && above == 0), made.currentConfig()
		layout.Daemons = append(layout.Daemons, d)
	}
	return s.planStorage(s.withLostCaps(layout, layout.Plan()), h.StateDir)
}

// LayoutOf returns the layout of a host, without daemons.
func LayoutOf(h host.Traits) idmap.Layout {
	return idmap.Layout{Host: h.Map, Room: h.Room, Remaps: h.Remaps, Cgroup1: h.Cgroup1, AppArmor: h.AppArmor, Image: bundle.ImageIDs()}
}

// PlanDaemon returns the LXD of a level, 0 for the host, without the configuration of the
// container that it makes.
func (s Spec) PlanDaemon(h host.Traits, level int) idmap.Daemon {
	b := s.DaemonBundle(h, level)
	d := idmap.Daemon{Flavor: b.Flavor, Delegation: h.Delegation, ShadowTools: b.ShadowTools, Shadow: b.Shadow, OnlyCgroup2: b.OnlyCgroup2, DeniesUserNS: deniesUserNS(b)}
	if level > 0 {
		d.Delegation = idmap.Delegation{}
		if given := s.Levels[level-1].Delegation; given != nil {
			d.Delegation = *given
		}
	}
	return d
}

// noProfiles reports whether AppArmor is in force and the LXD in a level cannot make profiles for
// it.
func noProfiles(h host.Traits, level int) bool { return h.AppArmor && level >= idmap.Confined }

// ProfileOf returns the configuration that the LXD of a level gives to all its containers.
func ProfileOf(h host.Traits, level int) map[string]string {
	if !noProfiles(h, level) {
		return nil
	}
	return map[string]string{idmap.KeyRawLXC: idmap.UnchangedProfile}
}

// deniesUserNS reports whether AppArmor lets no level start inside a level that the bundle's daemon
// makes, unless raw.apparmor allows it.
func deniesUserNS(b *bundle.Bundle) bool { return b.DeniesUserNS && bundle.MediatesUserNS() }
