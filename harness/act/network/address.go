package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/wait"
)

// A Family is a version of the Internet Protocol.
type Family string

// The families.
const (
	IPv4 Family = "IPv4"
	IPv6 Family = "IPv6"
)

// of reports whether an address belongs to the family.
func (f Family) of(a netip.Addr) bool { return a.Is4() == (f == IPv4) }

// addressBudget is the time for an IPv6 address, which the kernel chooses when dnsmasq has
// announced the prefix. That takes milliseconds.
const addressBudget = 30 * time.Second

// Address returns the global address that an interface has, and waits until there is one: an IPv6
// address comes a moment after the interface is up.
func Address(ctx context.Context, d harness.Daemon, iface string, f Family) (found netip.Addr, err error) {
	err = inside(d, func(at netns.NsHandle, handle *netlink.Handle) error {
		link, err := handle.LinkByName(iface)
		if err != nil {
			return fmt.Errorf("interface %s: %w", iface, err)
		}
		updates, done := make(chan netlink.AddrUpdate), make(chan struct{})
		err = netlink.AddrSubscribeWithOptions(updates, done, netlink.AddrSubscribeOptions{Namespace: &at, ListExisting: true})
		if err != nil {
			return err
		}
		defer func() {
			close(done)
			for range updates { // the library's goroutine may be sending
			}
		}()
		return wait.Within(ctx, fmt.Sprintf("wait for an %s address of %s", f, iface), addressBudget, func(ctx context.Context) error {
			found, err = first(ctx, updates, link.Attrs().Index, f)
			return err
		}, func() string { return "there is none" })
	})
	return found, err
}

// otherHardware is a hardware address that no interface of a chain has: LXD chooses addresses that
// begin with 00:16:3e.
const otherHardware = "02:00:00:00:00:01"

// TakeHardware makes root of the level give its interface another hardware address.
func TakeHardware(ctx context.Context, l *harness.Level) error {
	_, err := l.Exec(ctx, "ip", "link", "set", "dev", harness.Interface, "address", otherHardware)
	return err
}

// TakeIPv4 makes root of the level replace the IPv4 address of its interface by another one of the
// bridge's network, which none of the levels beside it has.
func TakeIPv4(ctx context.Context, l *harness.Level, beside ...netip.Addr) error {
	prefixes, err := Prefixes(ctx, l.Above())
	if err != nil {
		return err
	}
	own, err := Address(ctx, l, harness.Interface, IPv4)
	if err != nil {
		return err
	}
	router := prefixes[0].Addr()
	other := router.Next()
	for other == own || slices.Contains(beside, other) {
		other = other.Next()
	}
	_, err = l.Exec(ctx, "sh", "-ec", `ip -4 address flush dev "$0"; ip address add "$1" dev "$0"; ip route add default via "$2"`,
		harness.Interface, netip.PrefixFrom(other, prefixes[0].Bits()).String(), router.String())
	return err
}

// first returns the first global address of an interface among the updates that the kernel uses. A
// new IPv6 address is tentative for a moment, and what is sent then comes from the link-local
// address, which no router forwards (Linux: net/ipv6/addrconf.c, addrconf_dad_begin).
func first(ctx context.Context, updates <-chan netlink.AddrUpdate, index int, f Family) (netip.Addr, error) {
	for {
		select {
		case u, more := <-updates:
			if !more {
				return netip.Addr{}, errors.New("the kernel ended the list of addresses")
			}
			a, _ := netip.AddrFromSlice(u.LinkAddress.IP)
			if a = a.Unmap(); u.NewAddr && u.LinkIndex == index && f.of(a) && u.Scope == unix.RT_SCOPE_UNIVERSE && u.Flags&unix.IFA_F_TENTATIVE == 0 {
				return a, nil
			}
		case <-ctx.Done():
			return netip.Addr{}, context.Cause(ctx)
		}
	}
}
