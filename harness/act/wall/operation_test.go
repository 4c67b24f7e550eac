package wall

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEveryOperationHasItsOwnName(t *testing.T) {
	seen := map[string]bool{}
	for _, o := range operations {
		assert.False(t, seen[o.Name], "two operations are called %q", o.Name)
		seen[o.Name] = true
		assert.NotContains(t, o.try, "'", "%q is quoted with these", o.Name)
		found, err := ParseOperation(o.Name)
		require.NoError(t, err)
		assert.Equal(t, o, found)
	}
	setting, err := ParseOperation("write the setting fs.file-max")
	require.NoError(t, err)
	assert.Contains(t, setting.try, "/proc/sys/fs/file-max")
	_, err = ParseOperation("write the setting ../../etc/passwd")
	require.Error(t, err)
}
