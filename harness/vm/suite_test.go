package vm

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHostsAreReadFromOneOfTheForms(t *testing.T) {
	for text, wanted := range map[string]string{
		"": "", "private": "", "vm": "trixie", "vm:debian:bookworm": "bookworm", "vm:debian:trixie": "trixie",
	} {
		got, err := ParseHost(text)
		require.NoError(t, err, text)
		assert.Equal(t, wanted, got, text)
	}
	for _, text := range []string{"VM", "vm:", "vm:debian", "vm:debian:", "vm:debian:sid", "vm:bookworm", "debian:trixie", " vm"} {
		_, err := ParseHost(text)
		require.EqualError(t, err, `host "`+text+`": not known; write private, vm or vm:debian:SUITE (bookworm, trixie)`)
	}
}
