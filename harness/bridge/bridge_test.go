package bridge_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"nestbed/harness/bridge"
	"nestbed/harness/idmap"
)

func TestNoTwoBridgesOfAChainHaveAddressesInCommon(t *testing.T) {
	var all []netip.Prefix
	for level := range idmap.MaxDepth {
		ranges := bridge.Addresses(bridge.Config(level + 1))
		assert.Len(t, ranges, 2)
		for _, r := range ranges {
			assert.False(t, overlapsAny(r, all), r)
			assert.True(t, r.Addr().IsPrivate(), r)
		}
		all = append(all, ranges...)
	}
}

func overlapsAny(r netip.Prefix, all []netip.Prefix) bool {
	for _, other := range all {
		if r.Overlaps(other) {
			return true
		}
	}
	return false
}

func TestAddressesThatTheDaemonChoosesAreNotKnown(t *testing.T) {
	for text, want := range map[string][]netip.Prefix{
		"10.1.2.3/24": {netip.MustParsePrefix("10.1.2.0/24")},
		"auto":        nil,
		"none":        nil,
		"":            nil,
	} {
		assert.Equal(t, want, bridge.Addresses(map[string]string{bridge.KeyIPv4: text}), text)
	}
}
