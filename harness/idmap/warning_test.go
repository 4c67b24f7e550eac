package idmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/idmap"
)

// warned returns the warnings of a plan except those that all small chains have.
func warned(l idmap.Layout) []string {
	var all []string
	for _, w := range l.Plan().Warnings {
		if w.Kind != idmap.FileCapsLost && w.Kind != idmap.SharesQuotas {
			all = append(all, w.String())
		}
	}
	return all
}

func TestWarningsAboutAllocations(t *testing.T) {
	for name, c := range map[string]struct {
		layout idmap.Layout
		want   []string
	}{
		"nothing": {recipeChain(500000, 196608, 3), nil},
		"a level that shares the root of its parent": {chain(idmap.Delegate(ofRoot(500000, 65536)), idmap.Delegate(ofRoot(0, 65536))), []string{
			"level 2: its uid 0 is root of level 1 and has the rights of root there",
			"level 2: its gid 0 is root of level 1 and has the rights of root there",
		}},
		"a level that shares other ids": {chain(idmap.Delegate(ofRoot(1000, 131072)), idmap.Delegate(ofRoot(65535, 65536))), []string{
			"level 1: it shares uids 1000 to 65535 with users of the host, and their files",
			"level 1: it shares gids 1000 to 65535 with users of the host, and their files",
			"level 2: it shares uids 65535 to 65535 with users of level 1, and their files",
			"level 2: it shares gids 65535 to 65535 with users of level 1, and their files",
		}},
		"unused ids below 100000": {chain(idmap.Delegate(ofRoot(500000, 165537)), idmap.Delegation{}), []string{
			"level 2: /etc/subuid has no line for root, so its ids start at id 100000 of level 1, and ids 65536 to 99999 there are unused",
		}},
		"a second line": {chain(text("root:500000:65536\nroot:600000:131072\n")), []string{
			"level 1: /etc/subuid line 2 (root:600000:131072) of the host is passed over: LXD takes the first that is large enough",
			"level 1: /etc/subgid line 2 (root:600000:131072) of the host is passed over: LXD takes the first that is large enough",
		}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, warned(c.layout)) })
	}
}

func TestWarningsAboutConfiguration(t *testing.T) {
	with := func(d idmap.Delegation, config map[string]string) []string {
		l := chain(d)
		l.Daemons[0].Config = config
		return warned(l)
	}
	three := idmap.Delegate(ofRoot(500000, 196608))
	assert.Empty(t, with(three, map[string]string{idmap.KeyIsolated: "true"}))
	assert.Equal(t, []string{"level 1: it is isolated, so its gids start at the same id as its uids, not where /etc/subgid says"},
		with(idmap.Delegation{UID: three.UID, GID: idmap.NewFile(ofRoot(900000, 196608))}, map[string]string{idmap.KeyIsolated: "true"}))
	assert.Equal(t, []string{"level 1: security.idmap.size and security.idmap.base affect isolated containers only"},
		with(three, map[string]string{idmap.KeySize: "70000"}))
	assert.Equal(t, []string{"level 1: it has 1000 ids: users and groups from 1000 on, such as nobody (65534), do not exist in it"},
		with(three, map[string]string{idmap.KeyIsolated: "true", idmap.KeySize: "1000"}))
}

func TestAnIsolatedContainerOfADaemonWithoutUIDsIsPlanned(t *testing.T) {
	l := chain(idmap.Delegation{})
	l.Host = idmap.Map{UID: from0(0, 300000), GID: from0(0, 400000)}
	l.Host.UID[0].Count = 165536 // one id too few for a default map
	l.Daemons[0].Config = map[string]string{idmap.KeyIsolated: "true", idmap.KeyBase: "0"}
	p := l.Plan()
	assert.Nil(t, p.Stop)
	assert.Equal(t, both(from0(0, 65536)), p.Levels[0].Map)
}

// levelsWith returns the levels that have a warning of this kind.
func levelsWith(kind idmap.WarningKind, l idmap.Layout) (levels []int) {
	for _, w := range l.Plan().Warnings {
		if w.Kind == kind {
			levels = append(levels, w.Level)
		}
	}
	return levels
}

func TestEveryLevelWithoutFileCapabilitiesGetsAWarning(t *testing.T) {
	assert.Equal(t, []int{2, 3}, levelsWith(idmap.FileCapsLost, recipeChain(500000, 196608, 3)))
}

func TestEveryLevelThatIsNotIsolatedSharesItsQuotas(t *testing.T) {
	l := recipeChain(500000, 196608, 3)
	assert.Equal(t, []int{1, 2, 3}, levelsWith(idmap.SharesQuotas, l))
	l.Daemons[1].Config = map[string]string{idmap.KeyIsolated: "true", idmap.KeySize: "1000"}
	assert.Equal(t, []int{1}, levelsWith(idmap.SharesQuotas, l)[:1])
	assert.NotContains(t, levelsWith(idmap.SharesQuotas, l), 2)
}

func TestALevelInAnotherProfileGetsAWarning(t *testing.T) {
	l := recipeChain(500000, 262144, 4)
	assert.Empty(t, levelsWith(idmap.NoProfile, l))
	l.AppArmor = true
	assert.Equal(t, []int{3, 4}, levelsWith(idmap.NoProfile, l))
}
