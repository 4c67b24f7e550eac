package harness

import (
	"fmt"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// MaxDepth bounds a Spec: one level more than any kernel nests, which is then refused.
const MaxDepth = idmap.MaxDepth + 1

// LevelSpec is what one level shall be.
type LevelSpec struct {
	// Delegation is what the level's subid files say, for the level below.
	// Nil: both files are there, and empty.
	Delegation *idmap.Delegation
	// Config is added to the container's configuration, over the harness's own:
	// security.nesting on every level that has another below it. On every level with security.nesting there is also what lets
	// another start there where the kernel has AppArmor in force: raw.apparmor where LXD's own profile would not, and
	// environment.LXD_SECURITY_APPARMOR, and Incus's, from level 2 down, whose LXDs can make no profiles. An empty value leaves a key out.
	Config map[string]string
	// Bundle is what the level runs. Nil: the host's.
	Bundle *bundle.Bundle
	// Live is what happens to the level when it is up, before the next one is made.
	Live Live
	// Storage is the driver of the storage pool that the level lies on, which is
	// one of the LXD above. Empty: that of the Spec.
	Storage string
	// StorageConfig is added to the configuration of that pool.
	StorageConfig map[string]string
	// Project is added to the configuration of the project that the LXD above makes the level in. The plan does not know of it.
	Project map[string]string
}

// Spec is a chain as it shall be built: Levels[0] is level 1.
type Spec struct {
	Levels []LevelSpec
	// Storage is the driver of every LXD's storage pool: dir or btrfs. Empty: dir.
	Storage string
	// LXCFS has a lxcfs of the host cover files of /proc in level 1.
	LXCFS bool
	// Hooks run around operations.
	Hooks []Hook
	// OnLevel, if set, is called when a level is up, from the goroutine of Build.
	OnLevel func(*Level) `json:"-"`
}

// Cascade is the article's chain: every level keeps one block and hands the rest
// down. It needs idmap.Needed(depth) ids from the host.
func Cascade(depth int) Spec { return Delegating(depth, idmap.Cascade(depth)) }

// Delegating is a chain in which level i hands down delegations[i-1]; levels beyond the list hand down nothing.
func Delegating(depth int, delegations []idmap.Delegation) Spec {
	s := Spec{Levels: make([]LevelSpec, depth)}
	for i := range min(depth, len(delegations)) {
		s.Levels[i].Delegation = &delegations[i]
	}
	return s
}

// Validate refuses a depth that cannot be meant.
func (s Spec) Validate() error {
	if depth := len(s.Levels); depth < 1 || depth > MaxDepth {
		return fmt.Errorf("depth %d: out of range; a chain has 1 to %d levels", depth, MaxDepth)
	}
	return nil
}

// BundleOf is what level i runs; level 0 is the host.
func (s Spec) BundleOf(h host.Traits, level int) *bundle.Bundle {
	if level > 0 && s.Levels[level-1].Bundle != nil {
		return s.Levels[level-1].Bundle
	}
	return h.Bundle
}

// DaemonBundle is what the LXD of level i is of; level 0 is the host.
func (s Spec) DaemonBundle(h host.Traits, level int) *bundle.Bundle {
	if level == 0 {
		return h.Daemon
	}
	return s.BundleOf(h, level)
}

// Plan is what must happen when the spec is built on the host.
func (s Spec) Plan(h host.Traits) idmap.Plan {
	layout := LayoutOf(h)
	for above, made := range s.Levels { // the LXD at level `above` makes the next
		d := s.PlanDaemon(h, above)
		d.Config, d.Now = made.counting(s.LXCFS && above == 0), made.now()
		layout.Daemons = append(layout.Daemons, d)
	}
	return s.planStorage(s.withLostCaps(layout, layout.Plan()), h.StateDir)
}

// LayoutOf is the host without its daemon.
func LayoutOf(h host.Traits) idmap.Layout {
	return idmap.Layout{Host: h.Map, Room: h.Room, Remaps: h.Remaps, Cgroup1: h.Cgroup1, AppArmor: h.AppArmor, Image: bundle.ImageIDs()}
}

// PlanDaemon is the LXD of a level, 0 for the host's, but for the configuration of what it makes.
func (s Spec) PlanDaemon(h host.Traits, level int) idmap.Daemon {
	b := s.DaemonBundle(h, level)
	d := idmap.Daemon{Flavor: b.Flavor, Delegation: h.Delegation, ShadowTools: b.ShadowTools, OnlyCgroup2: b.OnlyCgroup2, DeniesUserNS: denies(b)}
	if level > 0 {
		d.Delegation = idmap.Delegation{}
		if given := s.Levels[level-1].Delegation; given != nil {
			d.Delegation = *given
		}
	}
	return d
}

// confined tells whether the LXD in a level of a host can make no AppArmor profiles.
func confined(h host.Traits, level int) bool { return h.AppArmor && level >= idmap.Confined }

// ProfileOf is the configuration that the LXD of a level gives all its containers.
func ProfileOf(h host.Traits, level int) map[string]string {
	if !confined(h, level) {
		return nil
	}
	return map[string]string{idmap.KeyRawLXC: idmap.UnchangedProfile}
}

// denies tells whether no level starts in one that the bundle's daemon makes, unless AppArmor is told to let it.
func denies(b *bundle.Bundle) bool { return b.DeniesUserNS && bundle.MediatesUserNS() }
