package network

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"nestbed/harness"
	"nestbed/harness/bridge"
	"nestbed/harness/internal/lxdop"
)

// Configure changes keys of the bridge that the LXD d has, while levels are connected to it. An
// empty value removes a key.
func Configure(ctx context.Context, d harness.Daemon, keys map[string]string) error {
	found, _, err := lxdop.With(ctx, d.LXD()).GetNetwork(bridge.Name)
	if err != nil {
		return err
	}
	wanted := found.Writable()
	for key, value := range keys {
		wanted.Config[key] = value
	}
	return lxdop.UpdateNetwork(ctx, d.LXD(), bridge.Name, wanted)
}

// Prefixes returns the addresses of the bridge that the LXD d has, with the length of their
// networks.
func Prefixes(ctx context.Context, d harness.Daemon) (all []netip.Prefix, err error) {
	found, _, err := lxdop.With(ctx, d.LXD()).GetNetwork(bridge.Name)
	if err != nil {
		return nil, err
	}
	for _, key := range []string{bridge.KeyIPv4, bridge.KeyIPv6} {
		value := found.Config[key]
		prefix, err := netip.ParsePrefix(value)
		if err != nil {
			return nil, fmt.Errorf("bridge %s: %s is %q, expected an address with a length: %w", found.Name, key, value, err)
		}
		all = append(all, prefix)
	}
	return all, nil
}

// An Interface is a network interface in a network namespace.
type Interface struct {
	Name string
	MTU  int
}

// Interfaces lists the network interfaces that d has, without the ends of those of its containers,
// whose names LXD chooses.
func Interfaces(d harness.Daemon) (all []Interface, err error) {
	err = inside(d, func(_ netns.NsHandle, handle *netlink.Handle) error {
		links, err := handle.LinkList()
		for _, link := range links {
			if is := link.Attrs(); !strings.HasPrefix(is.Name, "veth") {
				all = append(all, Interface{Name: is.Name, MTU: is.MTU})
			}
		}
		return err
	})
	slices.SortFunc(all, func(a, b Interface) int { return strings.Compare(a.Name, b.Name) })
	return all, err
}

// FlushFirewall makes root of the level delete all rules of nftables that it sees.
func FlushFirewall(ctx context.Context, l *harness.Level) error {
	_, err := l.Exec(ctx, "nft", "flush", "ruleset")
	return err
}
