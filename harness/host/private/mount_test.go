package private_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"nestbed/harness/bundle"
	"nestbed/harness/host/private"
)

func TestAKernelThatAcceptsAnEmptyMapAcceptsAnyMap(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("mounts need root")
	}
	without, err := private.MountsIdmapped("/", &bundle.Bundle{TestsWithEmptyNamespace: true})
	require.NoError(t, err)
	with, err := private.MountsIdmapped("/", &bundle.Bundle{})
	require.NoError(t, err)
	require.True(t, with || !without, "a kernel that accepts an empty map accepts any")
	_, err = private.MountsIdmapped("/proc/none", &bundle.Bundle{})
	require.ErrorContains(t, err, "clone the mount of /proc/none")
	t.Logf("idmapped mounts: with an empty map %t, with a map %t", without, with)
}
