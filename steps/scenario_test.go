package steps

import (
	"testing"

	"github.com/stretchr/testify/require"

	"nestbed/harness"
)

func TestASharedChainIsNotGivenToAStepThatChangesIt(t *testing.T) {
	s := &scenario{chain: &harness.Chain{}, pool: &Pool{}}
	_, err := s.own(t.Context())
	require.ErrorContains(t, err, "shared")

	s.mine = true
	chain, err := s.own(t.Context())
	require.NoError(t, err)
	require.Same(t, s.chain, chain)
}

func TestChainsAreSharedByScenariosThatAskForTheSame(t *testing.T) {
	asked := func(change func(s *scenario)) string {
		s := &scenario{pool: &Pool{}}
		require.NoError(t, s.hostAllocation("root:500000:131072"))
		require.NoError(t, s.cascade(2))
		change(s)
		return s.order().key()
	}
	same := asked(func(*scenario) {})
	require.Equal(t, same, asked(func(*scenario) {}))
	for name, change := range map[string]func(s *scenario){
		"depth":         func(s *scenario) { require.NoError(t, s.cascade(1)) },
		"allocation":    func(s *scenario) { require.NoError(t, s.hostAllocation("root:500000:131073")) },
		"gids":          func(s *scenario) { require.NoError(t, s.hostSubGID("root:500000:131073")) },
		"configuration": func(s *scenario) { s.spec.Levels[0].Config = map[string]string{"raw.idmap": "both 1 1"} },
		"life":          func(s *scenario) { s.spec.Levels[0].Live.Restart = true },
		"lxcfs":         func(s *scenario) { s.spec.LXCFS = true },
		"delegation":    func(s *scenario) { s.spec.Levels[0].Delegation = nil },
		"storage":       func(s *scenario) { s.spec.Storage = "btrfs" },
	} {
		require.NotEqual(t, same, asked(change), name)
	}
}
