package host

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestTheParentOfAProcessIsKnownByItsStatus(t *testing.T) {
	assert.Equal(t, "1", parentIn("Name:\tlxd\nPid:\t7\nPPid:\t1\nTracerPid:\t0\n"))
	assert.Empty(t, parentIn("Name:\tlxd\n"))
}

func TestAProcessThatIsNoLXDIsNotTakenForOne(t *testing.T) {
	_, err := startsIn(os.Getpid())
	require.ErrorContains(t, err, `expected one of ["lxd" "incusd"]`)
}

func TestWhatIsDoneOnAnOwnThreadIsDoneOnNoOther(t *testing.T) {
	// Also from the first thread, if this test runs there.
	var seen []int
	for range 2 {
		require.NoError(t, onOwnThread(func() error {
			seen = append(seen, unix.Gettid())
			return nil
		}))
	}
	assert.NotContains(t, seen, os.Getpid(), "it is never the first thread")
	for _, thread := range seen {
		assert.NotEqual(t, unix.Gettid(), thread)
	}
}
