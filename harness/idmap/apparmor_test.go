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
		"none denies":              {wanted: nil},
		"that of level 1":          {[4]map[string]string{denied}, &Stop{Level: 2, Op: OpStart, Reason: UserNSDenied}},
		"that of level 2":          {[4]map[string]string{1: denied}, &Stop{Level: 3, Op: OpStart, Reason: UserNSDenied}},
		"level 3 has level 2's":    {[4]map[string]string{2: denied}, nil},
		"nothing inside level 4":   {[4]map[string]string{3: denied}, nil},
		"with other rules":         {[4]map[string]string{{KeyRawAppArmor: "mount,"}}, &Stop{Level: 2, Op: OpStart, Reason: UserNSDenied}},
		"with the rule and others": {[4]map[string]string{{KeyRawAppArmor: "mount,\nuserns,"}}, nil},
	} {
		layout := Layout{Host: Identity()}
		for i, delegation := range append([]Delegation{Delegate(Allocation{Owner: Root, Start: 500000, Count: 4 * Block})}, Cascade(4)[:3]...) {
			layout.Daemons = append(layout.Daemons, Daemon{Delegation: delegation, DeniesUserNS: true, Config: c.configs[i]})
		}
		assert.Equal(t, c.wanted, layout.Plan().Stop, name)
		for i := range layout.Daemons {
			layout.Daemons[i].DeniesUserNS = false
		}
		assert.Nil(t, layout.Plan().Stop, "%s, where the kernel does not ask", name)
	}
}

func TestALevelWhoseLXDCanMakeNoProfilesStartsOneThatNeedsNone(t *testing.T) {
	key := LXD.KeyAppArmor()
	for name, c := range map[string]struct {
		configs [4]map[string]string
		wanted  *Stop
	}{
		"all as whoever nests has it":           {wanted: nil},
		"level 1 may":                           {[4]map[string]string{{key: "true"}}, nil},
		"level 2 tries":                         {[4]map[string]string{1: {key: "true"}}, &Stop{Level: 3, Op: OpCreate, Reason: ProfileRefused}},
		"level 2 is told nothing":               {[4]map[string]string{1: {key: ""}}, &Stop{Level: 3, Op: OpCreate, Reason: ProfileRefused}},
		"level 2 is told no":                    {[4]map[string]string{1: {key: "0"}}, nil},
		"level 2 is told what only Incus reads": {[4]map[string]string{1: {Incus.KeyAppArmor(): "true"}}, nil},
		"level 3 tries":                         {[4]map[string]string{2: {key: "true"}}, &Stop{Level: 4, Op: OpCreate, Reason: ProfileRefused}},
		"the last tries, and makes none":        {[4]map[string]string{3: {key: "true"}}, nil},
		"other lines at level 2":                {[4]map[string]string{1: {KeyRawLXC: "lxc.signal.halt = SIGTERM"}}, nil},
		"other lines at level 3":                {[4]map[string]string{2: {KeyRawLXC: "lxc.signal.halt = SIGTERM"}}, &Stop{Level: 3, Op: OpStart, Reason: ProfileRefused}},
		"those and this at level 3":             {[4]map[string]string{2: {KeyRawLXC: "lxc.signal.halt = SIGTERM\n" + UnchangedProfile}}, nil},
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

func TestWithAppArmorTheFlagForNestingIsAWallThatFollowsAChangeAtOnce(t *testing.T) {
	off, on := map[string]string{KeyNesting: ""}, map[string]string{KeyNesting: "true"}
	stop := func(level int) *Stop { return &Stop{Level: level, Op: OpStart, Reason: NestingNotAllowed} }
	for name, c := range map[string]struct {
		level       int // the level that changes
		config, now map[string]string
		with        *Stop
		privileged  *Stop // if the next level is privileged
		without     *Stop
	}{
		"level 1 never had it":           {1, off, nil, stop(2), stop(2), stop(2)},
		"level 1 loses it as it runs":    {1, on, off, stop(2), stop(2), nil},
		"level 1 gets it as it runs":     {1, off, on, stop(2), nil, stop(2)},
		"its proc is uncovered":          {1, map[string]string{}, off, stop(2), stop(2), nil},
		"level 2 loses it as it runs":    {2, on, off, stop(3), stop(3), nil},
		"level 3 is in level 2's":        {3, on, off, nil, nil, nil},
		"level 4 has none that needs it": {4, off, off, nil, nil, nil},
	} {
		layout := Layout{Host: Identity(), AppArmor: true}
		for _, delegation := range append([]Delegation{Delegate(Allocation{Owner: Root, Start: 500000, Count: 4 * Block})}, Cascade(4)[:3]...) {
			layout.Daemons = append(layout.Daemons, Daemon{Delegation: delegation})
		}
		layout.Daemons[c.level-1].Config, layout.Daemons[c.level-1].Now = c.config, c.now
		assert.Equal(t, c.with, layout.Plan().Stop, name)
		if c.level < 4 {
			layout.Daemons[c.level].Config = map[string]string{KeyPrivileged: "true"}
			assert.Equal(t, c.privileged, layout.Plan().Stop, "%s, and the next is privileged", name)
			layout.Daemons[c.level].Config = nil
		}
		layout.AppArmor = false
		assert.Equal(t, c.without, layout.Plan().Stop, "%s, without AppArmor", name)
	}
}

func TestAFamilyAtAnyLevelStartsWhateverMadeTheLevelsAroundIt(t *testing.T) {
	for level := 1; level <= 4; level++ {
		family := Layout{}.Family(level, Identity(), Identity(), Daemon{Delegation: Cascade(4)[0], DeniesUserNS: true})
		assert.Nil(t, family.Create("c1", nil))
		_, stop := family.Start("c1")
		assert.Nil(t, stop, "level %d", level)
	}
}
