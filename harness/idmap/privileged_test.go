package idmap_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

var privileged = map[string]string{idmap.KeyPrivileged: "true"}

// withConfigs sets the configurations of the levels, level 1 first.
func withConfigs(l idmap.Layout, configs ...map[string]string) idmap.Layout {
	for i, config := range configs {
		l.Daemons[i].Config = config
	}
	return l
}

func TestAPrivilegedLevelHasTheIDsOfItsParent(t *testing.T) {
	article := recipeChain(500000, 196608, 3)
	p := withConfigs(article, nil, privileged).Plan()
	require.Nil(t, p.Stop)
	assert.Equal(t, p.Levels[0].Map, p.Levels[1].Map, "the kernel shows the same lines to both")
	assert.Equal(t, p.Levels[0].Host, p.Levels[1].Host)
	assert.Equal(t, both(from0(65536, 65536)), p.Levels[2].Map, "by the files of level 2")
	assert.Equal(t, both(from0(565536, 65536)), p.Levels[2].Host)

	all := withConfigs(recipeChain(500000, 196608, 3), privileged, privileged, privileged).Plan()
	require.Nil(t, all.Stop)
	for _, level := range all.Levels {
		assert.Equal(t, idmap.Identity(), level.Map)
		assert.Equal(t, idmap.Identity(), level.Host)
	}
}

func TestAHostThatIsAContainerGivesAPrivilegedLevelItsOwnIDs(t *testing.T) {
	l := withConfigs(recipeChain(65536, 131072, 1), privileged)
	l.Host = both(from0(500000, 196608))
	p := l.Plan()
	require.Nil(t, p.Stop)
	assert.Equal(t, l.Host, p.Levels[0].Map)
	assert.Equal(t, l.Host, p.Levels[0].Host)
}

func TestAPrivilegedLevelNeedsNoAllocation(t *testing.T) {
	for name, c := range map[string]struct {
		d      idmap.Delegation
		config map[string]string
		stop   string
	}{
		"too few ids":            {idmap.Delegate(ofRoot(500000, 65535)), privileged, "none"},
		"malformed files":        {text("root\n"), privileged, "none"},
		"no grant for newuidmap": {idmap.Delegation{}, privileged, "none"},
		"too few, unprivileged":  {idmap.Delegate(ofRoot(500000, 65535)), map[string]string{idmap.KeyPrivileged: "off"}, "level 1, create: no allocation"},
		"malformed raw.idmap":    {idmap.Delegation{}, map[string]string{idmap.KeyPrivileged: "1", idmap.KeyRaw: "none"}, "none"},
		"isolated":               {idmap.Delegate(ofRoot(500000, 65536)), map[string]string{idmap.KeyPrivileged: "yes", idmap.KeyIsolated: "true"}, "none"},
		"privileged is maybe":    {idmap.Delegate(ofRoot(500000, 65536)), map[string]string{idmap.KeyPrivileged: "maybe"}, "level 1, create: configuration refused"},
		"a size that is refused": {idmap.Delegate(ofRoot(500000, 65536)), map[string]string{idmap.KeyPrivileged: "true", idmap.KeySize: "-1"}, "level 1, create: configuration refused"},
		"nesting is maybe":       {idmap.Delegate(ofRoot(500000, 65536)), map[string]string{idmap.KeyNesting: "maybe"}, "level 1, create: configuration refused"},
		"newuidmap and too few":  {idmap.Delegate(ofRoot(500000, 1)), map[string]string{idmap.KeyPrivileged: "on"}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			l := withConfigs(chain(c.d), c.config)
			l.Daemons[0].ShadowTools = true
			assert.Equal(t, c.stop, l.Plan().Stop.String())
		})
	}
}

func TestThePIDNamespacesOfPrivilegedLevelsCount(t *testing.T) {
	for depth, stop := range map[int]string{31: "none", 32: "level 32, start: depth limit of the kernel"} {
		l := recipeChain(500000, idmap.Needed(depth), depth)
		l.Room = 31
		for i := range l.Daemons {
			l.Daemons[i].Config = privileged
		}
		assert.Equal(t, stop, l.Plan().Stop.String())
	}
}

func TestAPrivilegedLevelKeepsFileCapabilities(t *testing.T) {
	for name, c := range map[string]struct {
		configs []map[string]string
		want    []bool
	}{
		"privileged at level 1": {[]map[string]string{privileged}, []bool{true, true, false}},
		"privileged at level 2": {[]map[string]string{nil, privileged}, []bool{true, true, false}},
		"privileged at level 3": {[]map[string]string{nil, nil, privileged}, []bool{true, false, true}},
		"privileged nowhere":    {nil, []bool{true, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			p := withConfigs(recipeChain(500000, 196608, 3), c.configs...).Plan()
			require.Nil(t, p.Stop)
			var got []bool
			for _, level := range p.Levels {
				got = append(got, level.FileCaps)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAnLXDForUnprivilegedContainersRefusesPrivilegedOnes(t *testing.T) {
	only := map[string]string{idmap.KeyUnprivilegedOnly: "true"}
	p := withConfigs(recipeChain(500000, 196608, 3), only, privileged).Plan()
	assert.Equal(t, "level 2, create: configuration refused", p.Stop.String())
	assert.Len(t, p.Levels, 1)

	assert.Nil(t, withConfigs(recipeChain(500000, 196608, 3), only).Plan().Stop)
	assert.Nil(t, withConfigs(recipeChain(500000, 196608, 3), only, nil, privileged).Plan().Stop, "it does not affect the LXD of level 2")
	assert.Nil(t, withConfigs(recipeChain(500000, 196608, 3), map[string]string{
		idmap.KeyUnprivilegedOnly: "true", idmap.KeyPrivileged: "true",
	}).Plan().Stop, "nor the LXD of the host")
}

func TestAnUnprivilegedLevelNeedsNestingAtItsParent(t *testing.T) {
	flat := map[string]string{idmap.KeyNesting: "false"}
	unset := map[string]string{idmap.KeyNesting: ""}
	flatPrivileged := map[string]string{idmap.KeyNesting: "false", idmap.KeyPrivileged: "true"}
	for name, c := range map[string]struct {
		configs []map[string]string
		stop    string
	}{
		"off at level 1":                           {[]map[string]string{flat}, "level 2, start: nesting not allowed"},
		"empty at level 1":                         {[]map[string]string{unset}, "level 2, start: nesting not allowed"},
		"off at level 2":                           {[]map[string]string{nil, flat}, "level 3, start: nesting not allowed"},
		"off at the last level":                    {[]map[string]string{nil, nil, flat}, "none"},
		"on":                                       {[]map[string]string{{idmap.KeyNesting: "1"}}, "none"},
		"off at a privileged level 1":              {[]map[string]string{flatPrivileged}, "level 2, start: nesting not allowed"},
		"off at level 1, level 2 is privileged":    {[]map[string]string{flat, privileged}, "none"},
		"off at both, level 2 is privileged":       {[]map[string]string{flat, flatPrivileged}, "level 3, start: nesting not allowed"},
		"off at all levels, all levels privileged": {[]map[string]string{flatPrivileged, flatPrivileged, flatPrivileged}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.stop, withConfigs(recipeChain(500000, 196608, 3), c.configs...).Plan().Stop.String())
		})
	}
}

func TestMissingIDsAreReportedBeforeMissingNesting(t *testing.T) {
	flat := map[string]string{idmap.KeyNesting: "false"}
	l := withConfigs(chain(idmap.Delegate(ofRoot(500000, 65536)), idmap.Delegation{}), flat)
	assert.Equal(t, "level 2, create: no allocation", l.Plan().Stop.String())

	l = withConfigs(chain(idmap.Delegate(ofRoot(500000, 196608)), idmap.Delegation{}), flat)
	l.Daemons[1].ShadowTools = true
	assert.Equal(t, "level 2, start: refused by newuidmap", l.Plan().Stop.String())
}

func TestAPrivilegedLevelGetsAWarning(t *testing.T) {
	p := withConfigs(recipeChain(500000, 196608, 2), privileged, privileged).Plan()
	var got []string
	for _, w := range p.Warnings {
		assert.Equal(t, idmap.SharesRoot, w.Kind)
		got = append(got, w.String())
	}
	assert.Equal(t, []string{
		"level 1: it is privileged: it has the ids of the host, including root",
		"level 2: it is privileged: it has the ids of level 1, including root",
	}, got)
}

func TestAPrivilegedLevelPutAnywhereChangesNothingAboveIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		if len(l.Daemons) == 0 {
			return
		}
		before := l.Plan()
		at := rapid.IntRange(0, len(l.Daemons)-1).Draw(t, "privileged")
		l.Daemons[at].Config = privileged
		after := l.Plan()
		same := min(at, len(before.Levels))
		require.GreaterOrEqual(t, len(after.Levels), same)
		assert.ElementsMatch(t, before.Levels[:same], after.Levels[:same])
		if len(after.Levels) <= at {
			return
		}
		host := l.Host
		if len(host.UID) == 0 {
			host = idmap.Identity()
		}
		if at > 0 {
			host = after.Levels[at-1].Host
		}
		assert.Equal(t, host, after.Levels[at].Host)
	})
}
