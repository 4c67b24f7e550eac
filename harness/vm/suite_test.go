package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHostsAreReadFromOneOfTheForms(t *testing.T) {
	for text, wanted := range map[string]Where{
		"": {}, "private": {}, "vm": {Suite: "trixie"}, "vm:debian:bookworm": {Suite: "bookworm"}, "vm:debian:trixie": {Suite: "trixie"},
		"system": {System: true}, "system:/run/lxd.socket": {System: true, Socket: "/run/lxd.socket"},
	} {
		got, err := ParseHost(text)
		require.NoError(t, err, text)
		assert.Equal(t, wanted, got, text)
	}
	for _, text := range []string{"VM", "vm:", "vm:debian", "vm:debian:", "vm:debian:sid", "vm:bookworm", "debian:trixie", " vm", "system:", "system:lxd.socket", "System"} {
		_, err := ParseHost(text)
		require.EqualError(t, err, `host "`+text+`": not known; write private, system, system:SOCKET, vm or vm:debian:SUITE (bookworm, trixie)`)
	}
}
