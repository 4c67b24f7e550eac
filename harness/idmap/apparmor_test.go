package idmap

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestAProfileThatDeniesUserNamespacesKeepsLevelsFromStartingInside(t *testing.T) {
	denied := map[string]string{KeyRawAppArmor: ""}
	for name, c := range map[string]struct {
		configs [4]map[string]string
		wanted  *Stop
	}{
		"no denial":                         {wanted: nil},
		"denied at level 1":                 {[4]map[string]string{denied}, &Stop{Level: 2, Op: OpStart, Reason: UserNSDenied}},
		"denied at level 2":                 {[4]map[string]string{1: denied}, &Stop{Level: 3, Op: OpStart, Reason: UserNSDenied}},
		"level 3 runs in level 2's profile": {[4]map[string]string{2: denied}, nil},
		"denied at the last level":          {[4]map[string]string{3: denied}, nil},
		"with other rules":                  {[4]map[string]string{{KeyRawAppArmor: "mount,"}}, &Stop{Level: 2, Op: OpStart, Reason: UserNSDenied}},
		"with the rule and others":          {[4]map[string]string{{KeyRawAppArmor: "mount,\nuserns,"}}, nil},
	} {
		layout := Layout{Host: Identity()}
		for i, delegation := range append([]Delegation{Delegate(Allocation{Owner: Root, Start: 500000, Count: 4 * Block})}, Cascade(4)[:3]...) {
			layout.Daemons = append(layout.Daemons, Daemon{Delegation: delegation, DeniesUserNS: true, Config: c.configs[i]})
		}
		assert.Equal(t, c.wanted, layout.Plan().Stop, name)
		for i := range layout.Daemons {
			layout.Daemons[i].DeniesUserNS = false
		}
		assert.Nil(t, layout.Plan().Stop, "%s, if the kernel does not enforce it", name)
	}
}

func TestAnLXDThatCannotMakeProfilesStartsOnlyContainersWithoutOne(t *testing.T) {
	key := LXD.KeyAppArmor()
	for name, c := range map[string]struct {
		configs [4]map[string]string
		wanted  *Stop
	}{
		"all by default":                       {wanted: nil},
		"true at level 1":                      {[4]map[string]string{{key: "true"}}, nil},
		"true at level 2":                      {[4]map[string]string{1: {key: "true"}}, &Stop{Level: 3, Op: OpCreate, Reason: ProfileRefused}},
		"empty at level 2":                     {[4]map[string]string{1: {key: ""}}, &Stop{Level: 3, Op: OpCreate, Reason: ProfileRefused}},
		"0 at level 2":                         {[4]map[string]string{1: {key: "0"}}, nil},
		"the key of Incus at level 2":          {[4]map[string]string{1: {Incus.KeyAppArmor(): "true"}}, nil},
		"true at level 3":                      {[4]map[string]string{2: {key: "true"}}, &Stop{Level: 4, Op: OpCreate, Reason: ProfileRefused}},
		"true at the last level":               {[4]map[string]string{3: {key: "true"}}, nil},
		"other lines at level 2":               {[4]map[string]string{1: {KeyRawLXC: "lxc.signal.halt = SIGTERM"}}, nil},
		"other lines at level 3":               {[4]map[string]string{2: {KeyRawLXC: "lxc.signal.halt = SIGTERM"}}, &Stop{Level: 3, Op: OpStart, Reason: ProfileRefused}},
		"other lines and unchanged at level 3": {[4]map[string]string{2: {KeyRawLXC: "lxc.signal.halt = SIGTERM\n" + UnchangedProfile}}, nil},
	} {
		layout := Layout{Host: Identity(), AppArmor: true}
		for i, delegation := range append([]Delegation{Delegate(Allocation{Owner: Root, Start: 500000, Count: 4 * Block})}, Cascade(4)[:3]...) {
			layout.Daemons = append(layout.Daemons, Daemon{Delegation: delegation, Config: c.configs[i]})
		}
		assert.Equal(t, c.wanted, layout.Plan().Stop, name)
		layout.AppArmor = false
		assert.Nil(t, layout.Plan().Stop, "%s, without AppArmor", name)
	}
}

func TestWithAppArmorAChangeOfSecurityNestingTakesEffectAtOnce(t *testing.T) {
	off, on := map[string]string{KeyNesting: ""}, map[string]string{KeyNesting: "true"}
	stop := func(level int) *Stop { return &Stop{Level: level, Op: OpStart, Reason: NestingNotAllowed} }
	for name, c := range map[string]struct {
		level       int // the level that changes
		config, now map[string]string
		with        *Stop
		privileged  *Stop // if the next level is privileged
		without     *Stop
	}{
		"level 1 never had it":              {1, off, nil, stop(2), stop(2), stop(2)},
		"level 1 loses it while it runs":    {1, on, off, stop(2), stop(2), nil},
		"level 1 gets it while it runs":     {1, off, on, stop(2), nil, stop(2)},
		"its proc is uncovered":             {1, map[string]string{}, off, stop(2), stop(2), nil},
		"level 2 loses it while it runs":    {2, on, off, stop(3), stop(3), nil},
		"level 3 runs in level 2's profile": {3, on, off, nil, nil, nil},
		"no level needs it at level 4":      {4, off, off, nil, nil, nil},
	} {
		layout := Layout{Host: Identity(), AppArmor: true}
		for _, delegation := range append([]Delegation{Delegate(Allocation{Owner: Root, Start: 500000, Count: 4 * Block})}, Cascade(4)[:3]...) {
			layout.Daemons = append(layout.Daemons, Daemon{Delegation: delegation, Flavor: "lxd-6.6"})
		}
		layout.Daemons[c.level-1].Config, layout.Daemons[c.level-1].CurrentConfig = c.config, c.now
		assert.Equal(t, c.with, layout.Plan().Stop, name)
		if c.level < 4 {
			layout.Daemons[c.level].Config = map[string]string{KeyPrivileged: "true"}
			assert.Equal(t, c.privileged, layout.Plan().Stop, "%s, and the next is privileged", name)
			layout.Daemons[c.level].Config = nil
		}
		layout.AppArmor = false
		assert.Equal(t, c.without, layout.Plan().Stop, "%s, without AppArmor", name)
		layout.AppArmor = true
		for i := range layout.Daemons {
			layout.Daemons[i].Flavor = "lxd-6.7"
		}
		assert.Equal(t, c.without, layout.Plan().Stop, "%s, with profiles that allow mounts", name)
	}
}

func TestNewerProfilesOfPrivilegedContainersAllowMountsOnlyWithNesting(t *testing.T) {
	ids := Delegate(Allocation{Owner: Root, Start: 500000, Count: 3 * Block})
	for nesting, want := range map[string]*Stop{"true": nil, "": {Level: 2, Op: OpStart, Reason: NestingNotAllowed}} {
		config := map[string]string{KeyPrivileged: "true", KeyNesting: nesting}
		layout := Layout{Host: Identity(), AppArmor: true, Daemons: []Daemon{{Delegation: ids, Flavor: "incus-7.0.2", Config: config}, {Delegation: ids, Flavor: "incus-7.0.2", Config: map[string]string{KeyPrivileged: "true"}}}}
		assert.Equal(t, want, layout.Plan().Stop)
	}
}

func TestAFamilyStartsAtAnyLevel(t *testing.T) {
	for level := 1; level <= 4; level++ {
		family := Layout{}.Family(level, Identity(), Identity(), Daemon{Delegation: Cascade(4)[0], DeniesUserNS: true})
		assert.Nil(t, family.Create("c1", nil))
		_, stop := family.Start("c1")
		assert.Nil(t, stop, "level %d", level)
	}
}
