package private

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness/inventory"
)

func TestMemoryHasRoomOnlyForWhatIsAvailable(t *testing.T) {
	available := inventory.AvailableMemory()
	require.Positive(t, available, "every supported kernel reports it")
	var info unix.Sysinfo_t
	require.NoError(t, unix.Sysinfo(&info))
	assert.LessOrEqual(t, available, info.Totalram*uint64(info.Unit), "in bytes")
	assert.False(t, StateRoot{}.memoryHasRoom(int(available/levelInMemory)), "levels that fill the memory")
}

func TestAGivenStateRootIsUsedEvenIfMemoryHasRoom(t *testing.T) {
	needsCgroups(t)
	root := stateRoot(t)
	s, err := Config{StateRoot: root, InMemory: 1}.claim(t.Context())
	require.NoError(t, err)
	assert.Equal(t, s.journal.Entry, s.path, "under the root, even if memory has room")
	require.NoError(t, s.remove())

	given := t.TempDir()
	s, err = Config{StateRoot: root, InMemory: 1, StateDir: given}.claim(t.Context())
	require.NoError(t, err)
	assert.Equal(t, given, s.path)
	require.NoError(t, s.remove())
	_, err = os.Lstat(given)
	assert.ErrorIs(t, err, os.ErrNotExist)
}
