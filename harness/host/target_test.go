package host

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseTargetReadsEveryForm(t *testing.T) {
	for text, wanted := range map[string]Target{
		"": {}, "private": {}, "vm": {Suite: "trixie"}, "vm:debian:bookworm": {Suite: "bookworm"}, "vm:debian:trixie": {Suite: "trixie"},
		"system": {System: true}, "system:/run/lxd.socket": {System: true, Address: "/run/lxd.socket"},
		"https://lab": {System: true, Address: "https://lab:8443"}, "https://10.0.0.1:443": {System: true, Address: "https://10.0.0.1:443"},
	} {
		got, err := ParseTarget(text)
		require.NoError(t, err, text)
		assert.Equal(t, wanted, got, text)
		again, err := ParseTarget(got.String())
		require.NoError(t, err, text)
		assert.Equal(t, wanted, again, text)
	}
	_, err := ParseTarget("https://lab/1.0")
	require.ErrorContains(t, err, `address "https://lab/1.0": `)
	for _, text := range []string{"VM", "vm:", "vm:debian", "vm:debian:", "vm:debian:sid", "vm:bookworm", "debian:trixie", " vm", "system:", "system:lxd.socket", "System"} {
		_, err := ParseTarget(text)
		require.EqualError(t, err, `host "`+text+`": not known; write private, system, system:SOCKET, https://HOST:PORT, vm or vm:debian:SUITE (bookworm, trixie)`)
	}
}
