package lxdmodule

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheModuleIsTheVersionThatNestbedTakesLXDsClientFrom(t *testing.T) {
	text, err := os.ReadFile("../../../go.mod")
	require.NoError(t, err)
	required := regexp.MustCompile(`github.com/canonical/lxd v\S+`)
	used := required.FindString(string(text))
	require.NotEmpty(t, used)
	assert.Equal(t, used, required.FindString(Text()))
}

func TestAModuleThatCannotBeFetchedIsAnErrorAndLeavesNothing(t *testing.T) {
	if _, err := exec.LookPath("go"); err != nil {
		t.Skip(err)
	}
	t.Setenv("GOPROXY", "off")
	t.Setenv("GOMODCACHE", t.TempDir())
	root := t.TempDir()
	err := Build(t.Context(), root)
	require.ErrorContains(t, err, "fetch LXD's sources: go mod vendor: exit status 1: ")
	require.ErrorContains(t, err, "; check the network and go env GOPROXY")
	left, err := filepath.Glob(filepath.Join(root, "*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
