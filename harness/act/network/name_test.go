package network

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

func TestAnswersAreReadWithoutTheAddressOfTheServer(t *testing.T) {
	for text, want := range map[string][]netip.Addr{
		"Server:\t\t10.1.1.1\nAddress:\t10.1.1.1:53\n\nName:\tc3.lxd\nAddress: 10.1.1.7\n\n":      {netip.MustParseAddr("10.1.1.7")},
		"Server:\t\t10.1.1.1\nAddress:\t10.1.1.1:53\n\n** server can't find c2.lxd: NXDOMAIN\n\n": nil,
		"Server:\t\t10.1.1.1\nAddress:\t10.1.1.1:53\n\nName:\tc3.lxd\nAddress: fd42::2\nName:\tc3.lxd\nAddress: fd42::1\nName:\tc3.lxd\nAddress: fd42::2\n": {
			netip.MustParseAddr("fd42::1"), netip.MustParseAddr("fd42::2"),
		},
		"nslookup: write to '10.1.1.1': Connection refused\n;; connection timed out; no servers could be reached\n": nil,
		"": nil,
	} {
		assert.Equal(t, want, answers(text), text)
	}
}

func TestALevelHasTheNameOfItsContainerInTheDomainOfTheBridge(t *testing.T) {
	assert.Equal(t, "c2.lxd", Name(idmap.LXD.At("5.0.2"), harness.LevelSpec{}, 2))
	assert.Equal(t, "c3.incus", Name(idmap.Incus, harness.LevelSpec{Network: map[string]string{}}, 3))
	assert.Equal(t, "c1.one", Name(idmap.Incus, harness.LevelSpec{Network: map[string]string{"dns.domain": "one"}}, 1))
}
