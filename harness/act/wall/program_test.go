package wall

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCredentialsOfAProcess(t *testing.T) {
	got, err := parseCredentials("Name:\txz\nUid:\t1000\t65536\t65536\t65536\nCapEff:\t0000000000000400\n")
	require.NoError(t, err)
	assert.Equal(t, Credentials{UID: 65536, Capabilities: 1 << 10}, got)
	_, err = parseCredentials("Uid:\t1000\t65536\t65536\t65536\n")
	require.Error(t, err)
}
