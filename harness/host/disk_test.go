package host

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheMachinesDiskIsNotFilled(t *testing.T) {
	require.ErrorContains(t, (&PrivateHost{name: "one"}).FillDisk(), "host one: fill its disk: it has none of its own")
}
