package harness

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestACheckHoldsIfItGotWhatItWanted(t *testing.T) {
	good := Check{Subject: Files, Level: 2, What: "host owner", Wanted: "565536:565536", Got: "565536:565536"}
	bad := Check{Subject: Files, Level: 2, What: "host owner", Wanted: "565536:565536", Got: "65534:65534"}
	assert.True(t, good.OK())
	assert.False(t, bad.OK())
	assert.Equal(t, "level 2: host owner: wanted 565536:565536, got 65534:65534", bad.String())

	all := []Check{good, bad, good, bad}
	assert.Equal(t, []Check{bad, bad}, Failed(all))
	assert.Equal(t, []Check{good, bad, good, bad}, all, "the argument does not change")
	assert.Empty(t, Failed([]Check{good}))
	assert.Empty(t, Failed(nil))
}

func TestTheHostIDsOfAnInsideIDFollowBothMaps(t *testing.T) {
	planned := idmap.PlannedLevel{Host: idmap.Map{
		UID: []idmap.Mapping{{Inside: 0, Parent: 500000, Count: 65536}},
		GID: []idmap.Mapping{{Inside: 0, Parent: 700000, Count: 1000}},
	}}
	assert.Equal(t, "500000:700000", OnHost(planned, 0))
	assert.Equal(t, "500999:700999", OnHost(planned, 999))
	assert.Equal(t, "none: id 1000 is not mapped", OnHost(planned, 1000), "a user without a group")
	assert.Equal(t, "none: id 65536 is not mapped", OnHost(planned, 65536))
}

func TestALevelErrorReadsAsStopErrorAndEvidence(t *testing.T) {
	stop := idmap.Stop{Level: 2, Op: idmap.OpStart, Reason: idmap.NestingNotAllowed}
	e := &LevelError{Stop: stop, Err: errors.New("Failed to run: lxd forkstart c2: exit status 1")}
	require.EqualError(t, e, "level 2, start: nesting not allowed: Failed to run: lxd forkstart c2: exit status 1")
	e.Evidence = []string{"one"}
	require.ErrorContains(t, e, ": exit status 1 [log: one]")
	e.Evidence = append(e.Evidence, "two")
	require.EqualError(t, e,
		"level 2, start: nesting not allowed: Failed to run: lxd forkstart c2: exit status 1 [log: one | two]")
}

func TestALevelErrorIsFoundAmongWrappedErrorsAndWrapsItsCause(t *testing.T) {
	stop := idmap.Stop{Level: 1, Op: idmap.OpImport, Reason: idmap.Unclassified}
	err := fmt.Errorf("build: %w", &LevelError{Stop: stop, Err: fmt.Errorf("bundle: %w", fs.ErrNotExist)})
	require.ErrorIs(t, err, fs.ErrNotExist)
	var found *LevelError
	require.ErrorAs(t, err, &found)
	assert.Equal(t, stop, found.Stop)
	assert.Equal(t, idmap.Unclassified, found.Reason, "the embedded stop has it, too")
}

func TestCloseAcceptsAChainThatWasNotBuilt(t *testing.T) {
	var c *Chain
	require.NoError(t, c.Close(t.Context()))
	assert.Nil(t, c.Deepest())

	levels := []*Level{{Index: 1}, {Index: 2}}
	assert.Same(t, levels[1], (&Chain{Levels: levels}).Deepest())
	assert.Nil(t, (&Chain{}).Deepest())
}
