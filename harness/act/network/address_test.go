package network

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestAnAddressIsFirstTentative(t *testing.T) {
	updates := make(chan netlink.AddrUpdate, 4)
	for _, u := range []netlink.AddrUpdate{
		{LinkAddress: net.IPNet{IP: net.ParseIP("fd42::1")}, LinkIndex: 1, NewAddr: true, Scope: unix.RT_SCOPE_UNIVERSE},
		{LinkAddress: net.IPNet{IP: net.ParseIP("fe80::2")}, LinkIndex: 2, NewAddr: true, Scope: unix.RT_SCOPE_LINK},
		{LinkAddress: net.IPNet{IP: net.ParseIP("fd42::2")}, LinkIndex: 2, NewAddr: true, Scope: unix.RT_SCOPE_UNIVERSE, Flags: unix.IFA_F_TENTATIVE},
		{LinkAddress: net.IPNet{IP: net.ParseIP("fd42::2")}, LinkIndex: 2, NewAddr: true, Scope: unix.RT_SCOPE_UNIVERSE, Flags: unix.IFA_F_MANAGETEMPADDR},
	} {
		updates <- u
	}
	found, err := first(t.Context(), updates, 2, IPv6)
	require.NoError(t, err)
	assert.Equal(t, "fd42::2", found.String())
	assert.Empty(t, updates, "it waits until the address is no longer tentative")
}
