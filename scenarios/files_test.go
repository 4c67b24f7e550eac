package scenarios_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/idmap"
)

func TestFilesArriveInALevelByteForByte(t *testing.T) {
	parallel(t, 1)
	h := harnesstest.Host(t, article)
	odd := idmap.File{Text: " \n\troot:65536:131072 # \"&<>{{ x }}{% y %}\\\r\n\r\n \n"}
	spec := harness.Spec{Levels: []harness.LevelSpec{{Delegation: &idmap.Delegation{UID: odd, GID: idmap.File{Missing: true}}}}}
	chain := harnesstest.Build(t, h, spec)
	got, err := chain.Deepest().ReadFile(harnesstest.Context(t), "/etc/subuid")
	require.NoError(t, err)
	assert.Equal(t, odd.Text, string(got))
	names, err := chain.Deepest().Exec(harnesstest.Context(t), "ls", "/etc")
	require.NoError(t, err)
	assert.NotContains(t, strings.Fields(names), "subgid")
}
