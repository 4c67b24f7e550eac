package private

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMachinesDiskIsNotFilled(t *testing.T) {
	require.ErrorContains(t, (&Host{name: "one"}).FillDisk(), "host one: fill its disk: it has no disk of its own")
}
