package steps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nestbed/harness"
)

func TestAStepThatChangesTheChainGetsNoSharedChain(t *testing.T) {
	s := &scenario{built: built{chain: &harness.Chain{}}, pool: &pool{}}
	_, err := s.own(t.Context())
	require.ErrorIs(t, err, errNotDeclared)

	s.needs = changes
	chain, err := s.own(t.Context())
	require.NoError(t, err)
	require.Same(t, s.chain, chain)
}

func TestChainsAreSharedByScenariosThatAskForTheSame(t *testing.T) {
	asked := func(change func(s *scenario)) string {
		s := &scenario{pool: &pool{}}
		require.NoError(t, s.hostAllocation("root:500000:131072"))
		s.cascade(2)
		change(s)
		o, err := s.order()
		require.NoError(t, err)
		return o.key()
	}
	same := asked(func(*scenario) {})
	require.Equal(t, same, asked(func(*scenario) {}))
	for name, change := range map[string]func(s *scenario){
		"depth":         func(s *scenario) { s.cascade(1) },
		"allocation":    func(s *scenario) { require.NoError(t, s.hostAllocation("root:500000:131073")) },
		"gids":          func(s *scenario) { require.NoError(t, s.hostSubGID("root:500000:131073")) },
		"configuration": func(s *scenario) { s.spec.Levels[0].Config = map[string]string{"raw.idmap": "both 1 1"} },
		"life":          func(s *scenario) { s.spec.Levels[0].Live.Restart = true },
		"own /usr":      func(s *scenario) { s.needs = sharesWhole },
		"lxcfs":         func(s *scenario) { s.lxcfs = true },
		"delegation":    func(s *scenario) { s.spec.Levels[0].Delegation = nil },
		"storage":       func(s *scenario) { s.spec.Storage = "btrfs" },
	} {
		require.NotEqual(t, same, asked(change), name)
	}
}

func TestALevelCanBeDescribedBeforeAndAfterTheChain(t *testing.T) {
	for _, chain := range []func(s *scenario){
		func(s *scenario) { s.cascade(2) },
		func(s *scenario) { s.asDescribed(2) },
	} {
		before, behind := &scenario{pool: &pool{}}, &scenario{pool: &pool{}}
		require.NoError(t, before.privileged("1"))
		chain(before)
		chain(behind)
		require.NoError(t, behind.privileged("1"))
		first, err := before.order()
		require.NoError(t, err)
		require.Equal(t, "true", first.spec.Levels[0].Config["security.privileged"])
		second, err := behind.order()
		require.NoError(t, err)
		require.Equal(t, first.key(), second.key())

		require.NoError(t, behind.privileged("3"))
		_, err = behind.order()
		require.ErrorContains(t, err, "level 3 is described, but the chain has depth 2")
	}
}
