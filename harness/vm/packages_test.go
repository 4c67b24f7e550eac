package vm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
)

func TestDisksAreInTheOrderThatTheGuestExpects(t *testing.T) {
	var files []string
	for _, arg := range disks(&Image{dir: "/i"}, "/job", []packagesDisk{{"packages-a", "/a"}, {"packages-b", "/b,c"}}) {
		if _, file, ok := strings.Cut(arg, ",file="); ok {
			files = append(files, file)
			assert.Equal(t, file != "/i/disk.ext4", strings.Contains(arg, "readonly=on"), arg)
		}
	}
	assert.Equal(t, []string{"/i/disk.ext4", "/job", "/a", "/b,,c"}, files)
}

func TestOnlyDebianBundlesNeedPackages(t *testing.T) {
	got, err := makePackages(t.Context(), t.TempDir(), []bundle.Source{{Kind: bundle.Installed}, {Kind: bundle.Dir, Arg: "/x"}}, nil)
	require.NoError(t, err)
	assert.Empty(t, got)
}
