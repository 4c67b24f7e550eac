package scenarios_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/act/storage"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
	"nestbed/harness/probe"
)

// TestChecksCompareWithThePlan changes one number of the plan at a time. A check that compared the
// chain with itself instead of the plan would still pass.
func TestChecksCompareWithThePlan(t *testing.T) {
	parallel(t, 1)
	chain := harnesstest.Build(t, harnesstest.Host(t, article), harness.Cascade(2))
	const idmaps, processes, files, edges, sentinels = harness.IDMaps, harness.Processes, harness.Files, harness.Edges, harness.Sentinels
	const disk = harness.Subject("disk")
	type level = idmap.PlannedLevel
	for name, c := range map[string]struct {
		change func(*level)
		fail   []harness.Subject
	}{
		"nothing":           {func(*level) {}, nil},
		"first parent uid":  {func(l *level) { l.Map.UID[0].Parent++ }, []harness.Subject{idmaps, disk}},
		"first parent gid":  {func(l *level) { l.Map.GID[0].Parent++ }, []harness.Subject{idmaps, disk}},
		"count of uids":     {func(l *level) { l.Map.UID[0].Count-- }, []harness.Subject{idmaps, edges, disk}},
		"count of gids":     {func(l *level) { l.Map.GID[0].Count-- }, []harness.Subject{idmaps, edges, disk}},
		"first uid on host": {func(l *level) { l.Host.UID[0].Parent++ }, []harness.Subject{idmaps, processes, files, sentinels, disk}},
		"first gid on host": {func(l *level) { l.Host.GID[0].Parent++ }, []harness.Subject{idmaps, processes, files, sentinels, disk}},
		"file capability":   {func(l *level) { l.FileCaps = !l.FileCaps }, []harness.Subject{sentinels}},
	} {
		for i, planned := range chain.Plan.Levels {
			changed := planned
			changed.Map, changed.Host = copied(planned.Map), copied(planned.Host)
			c.change(&changed)
			chain.Plan.Levels[i] = changed
			checks, err := probe.Verify(harnesstest.Context(t), chain, idmaps, processes, files, edges, sentinels)
			require.NoError(t, err)
			onDisk, err := storage.OwnersOnDisk(harnesstest.Context(t), chain, i+1, storage.Remapped(chain, i+1))
			require.NoError(t, err)
			chain.Plan.Levels[i] = planned

			failed := map[harness.Subject]bool{}
			for _, c := range harness.Failed(checks) {
				assert.Equal(t, i+1, c.Level, "%s", c)
				failed[c.Subject] = true
			}
			if len(harness.Failed(onDisk)) > 0 || !storage.Remapped(chain, i+1) && slices.Contains(c.fail, disk) {
				failed[disk] = true // on an idmapped mount, files keep the ids of the image, whatever is planned
			}
			assert.ElementsMatch(t, c.fail, slices.Collect(maps.Keys(failed)), "%s of level %d changed", name, i+1)
		}
	}
}

func copied(m idmap.Map) idmap.Map {
	return idmap.Map{UID: slices.Clone(m.UID), GID: slices.Clone(m.GID)}
}
