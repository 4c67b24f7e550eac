package wall

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDeedsHaveOneNameEach(t *testing.T) {
	seen := map[string]bool{}
	for _, d := range deeds {
		assert.False(t, seen[d.Name], "two deeds are called %q", d.Name)
		seen[d.Name] = true
		assert.NotContains(t, d.try, "'", "the deed %q is put between these", d.Name)
		found, err := ParseDeed(d.Name)
		require.NoError(t, err)
		assert.Equal(t, d, found)
	}
	setting, err := ParseDeed("write the setting fs.file-max")
	require.NoError(t, err)
	assert.Contains(t, setting.try, "/proc/sys/fs/file-max")
	_, err = ParseDeed("write the setting ../../etc/passwd")
	require.Error(t, err)
}
