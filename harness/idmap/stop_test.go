package idmap_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/idmap"
)

func TestAStopReadsAsLevelOperationAndReason(t *testing.T) {
	for want, stop := range map[string]*idmap.Stop{
		"none":                           nil,
		"level 2, create: no allocation": {Level: 2, Op: idmap.OpCreate, Reason: idmap.NoAllocation},
		"level 33, start: depth limit of the kernel": {Level: 33, Op: idmap.OpStart, Reason: idmap.DepthLimit},
		"level 1, ready: unclassified":               {Level: 1, Op: idmap.OpReady, Reason: idmap.Unclassified},
	} {
		assert.Equal(t, want, stop.String())
	}
}

func TestEveryReasonIsListedOnceAndReadBack(t *testing.T) {
	all := idmap.Reasons()
	assert.ElementsMatch(t, []idmap.Reason{
		"no allocation", "allocation outside the parent", "subid file malformed", "uid and gid disagree",
		"refused by newuidmap", "configuration refused", "raw.idmap malformed", "raw.idmap overlaps the allocation",
		"isolated range exhausted", "idmap invalid", "ids of the image not mapped", "nesting not allowed", "depth limit of the kernel", "cgroup layout unsupported",
		"AppArmor profile refused", "user namespaces denied", "forbidden by the project", "limit of the project", "disk full", "not on btrfs", "LXD does not run", "connection lost", "member down", "database of a newer version", "timed out",
		"kernel key quota", "inotify quota", "denied by AppArmor", "setting of the machine", "id not mapped", "idmapped mounts unsupported", "storage denied", "program missing", "unclassified",
	}, all)
	for _, r := range all {
		got, err := idmap.ParseReason(string(r))
		require.NoError(t, err)
		assert.Equal(t, r, got)
	}
}

func TestAnUnknownReasonIsRefusedWithTheKnownOnes(t *testing.T) {
	// None cannot be named in a scenario: it would read as a stop without a cause.
	for _, text := range []string{"", "none", "no Allocation", " no allocation", "out of luck"} {
		got, err := idmap.ParseReason(text)
		require.EqualError(t, err, fmt.Sprintf("reason %q: not known; the reasons are %q", text, idmap.Reasons()))
		assert.Equal(t, idmap.None, got)
	}
}

func TestEveryOperationIsReadBack(t *testing.T) {
	for _, text := range []string{"storage", "network", "import", "create", "start", "ready", "configure", "replace"} {
		got, err := idmap.ParseOp(text)
		require.NoError(t, err)
		assert.Equal(t, idmap.Op(text), got)
	}
}

func TestAnUnknownOperationIsRefusedWithTheKnownOnes(t *testing.T) {
	for _, text := range []string{"", "Create", "stop"} {
		got, err := idmap.ParseOp(text)
		require.EqualError(t, err, fmt.Sprintf(
			`operation %q: not known; the operations are ["storage" "network" "import" "create" "start" "ready" "configure" "replace"]`, text))
		assert.Empty(t, got)
	}
}
