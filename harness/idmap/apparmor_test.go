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

func TestAFamilyAtAnyLevelStartsWhateverMadeTheLevelsAroundIt(t *testing.T) {
	for level := 1; level <= 4; level++ {
		family := Layout{}.Family(level, Identity(), Identity(), Daemon{Delegation: Cascade(4)[0], DeniesUserNS: true})
		assert.Nil(t, family.Create("c1", nil))
		_, stop := family.Start("c1")
		assert.Nil(t, stop, "level %d", level)
	}
}
