package probe

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

func TestEverySubjectIsListedOnceAndProbed(t *testing.T) {
	seen := map[harness.Subject]bool{}
	for _, s := range Subjects() {
		assert.False(t, seen[s], s)
		seen[s] = true
		assert.NotNil(t, probers[s], s)
	}
	assert.Len(t, seen, len(probers))
}

func TestAChainWithoutLevelsHasNothingToVerify(t *testing.T) {
	checks, err := Verify(t.Context(), &harness.Chain{})
	require.NoError(t, err)
	assert.Empty(t, checks)
}

func TestALevelThatThePlanDoesNotHaveIsNotVerified(t *testing.T) {
	c := &harness.Chain{
		Plan:   idmap.Plan{Stop: &idmap.Stop{Level: 1, Op: idmap.OpCreate, Reason: idmap.NoAllocation}},
		Levels: []*harness.Level{{Index: 1}},
	}
	_, err := Verify(t.Context(), c)
	require.EqualError(t, err, "level 1 is up, but the plan stops at level 1, create: no allocation")
}
