// Package bridge describes the managed bridges that the levels of a chain are connected to.
package bridge

import (
	"fmt"
	"net/netip"
)

// Name is the name of the bridge in a daemon.
const Name = "nestbed0"

// The keys of a bridge's addresses: "ADDRESS/BITS", "auto" or "none".
const (
	KeyIPv4 = "ipv4.address"
	KeyIPv6 = "ipv6.address"
)

// Config returns the configuration of the bridge that a level, from 1 to 255, is connected to:
// addresses of its own, so that no two bridges of a chain have the same, and NAT. A daemon can
// choose addresses itself, but in a level it takes seconds to find free ones.
func Config(level int) map[string]string {
	return map[string]string{
		KeyIPv4: fmt.Sprintf("10.77.%d.1/24", level), "ipv4.nat": "true",
		KeyIPv6: fmt.Sprintf("fd42:77:%x::1/64", level), "ipv6.nat": "true",
	}
}

// Addresses returns the ranges from which a bridge gives addresses, IPv4 first. It leaves out those
// that the daemon chooses, or does not use.
func Addresses(config map[string]string) []netip.Prefix {
	var ranges []netip.Prefix
	for _, key := range []string{KeyIPv4, KeyIPv6} {
		if p, err := netip.ParsePrefix(config[key]); err == nil {
			ranges = append(ranges, p.Masked())
		}
	}
	return ranges
}
