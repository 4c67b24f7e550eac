package idmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/idmap"
)

// warned returns the warnings of a plan except FileCapsLost, which all small chains have.
func warned(l idmap.Layout) []string {
	var all []string
	for _, w := range l.Plan().Warnings {
		if w.Kind != idmap.FileCapsLost {
			all = append(all, w.String())
		}
	}
	return all
}

func TestWhatWorksAndSurprisesIsTold(t *testing.T) {
	for name, c := range map[string]struct {
		layout idmap.Layout
		want   []string
	}{
		"nothing": {supplied(500000, 196608, 3), nil},
		"a level that shares the root of its parent": {chain(idmap.Delegate(ofRoot(500000, 65536)), idmap.Delegate(ofRoot(0, 65536))), []string{
			"level 2: its uid 0 is root of level 1: what it may do there, it may do as root",
			"level 2: its gid 0 is root of level 1: what it may do there, it may do as root",
		}},
		"a level that shares other ids": {chain(idmap.Delegate(ofRoot(1000, 131072)), idmap.Delegate(ofRoot(65535, 65536))), []string{
			"level 1: uids 1000 to 65535 of the host are its own, too, and so are the files of users there",
			"level 1: gids 1000 to 65535 of the host are its own, too, and so are the files of users there",
			"level 2: uids 65535 to 65535 of level 1 are its own, too, and so are the files of users there",
			"level 2: gids 65535 to 65535 of level 1 are its own, too, and so are the files of users there",
		}},
		"ids below 100000 that nobody gets": {chain(idmap.Delegate(ofRoot(500000, 165537)), idmap.Delegation{}), []string{
			"level 2: /etc/subuid has no line of root's, so it starts at id 100000 of level 1, and ids 65536 to 99999 there go to nobody",
		}},
		"a second line": {chain(text("root:500000:65536\nroot:600000:131072\n")), []string{
			"level 1: /etc/subuid line 2 (root:600000:131072) of the host is passed over: LXD takes the first that is large enough",
			"level 1: /etc/subgid line 2 (root:600000:131072) of the host is passed over: LXD takes the first that is large enough",
		}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, warned(c.layout)) })
	}
}

func TestWhatAConfigurationDoesSurprisinglyIsTold(t *testing.T) {
	with := func(d idmap.Delegation, config map[string]string) []string {
		l := chain(d)
		l.Daemons[0].Config = config
		return warned(l)
	}
	three := idmap.Delegate(ofRoot(500000, 196608))
	assert.Empty(t, with(three, map[string]string{idmap.KeyIsolated: "true"}))
	assert.Equal(t, []string{"level 1: isolated, its gids are numbered like its uids, whatever subgid says"},
		with(idmap.Delegation{UID: three.UID, GID: idmap.NewFile(ofRoot(900000, 196608))}, map[string]string{idmap.KeyIsolated: "true"}))
	assert.Equal(t, []string{"level 1: security.idmap.size and security.idmap.base count for isolated containers only"},
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

func TestEveryLevelWithoutFileCapabilitiesIsToldOf(t *testing.T) {
	for _, w := range supplied(500000, 196608, 3).Plan().Warnings {
		assert.Equal(t, idmap.FileCapsLost, w.Kind)
		assert.NotEqual(t, 1, w.Level)
	}
	assert.Len(t, supplied(500000, 196608, 3).Plan().Warnings, 2)
}
