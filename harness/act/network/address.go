package network

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
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
	namespace, err := d.Root().Network()
	if err != nil {
		return found, err
	}
	defer namespace.Close()
	handle, err := netlink.NewHandleAt(netns.NsHandle(namespace.Fd()))
	if err != nil {
		return found, err
	}
	defer handle.Close()
	link, err := handle.LinkByName(iface)
	if err != nil {
		return found, fmt.Errorf("interface %s: %w", iface, err)
	}
	updates, done := make(chan netlink.AddrUpdate), make(chan struct{})
	at := netns.NsHandle(namespace.Fd())
	err = netlink.AddrSubscribeWithOptions(updates, done, netlink.AddrSubscribeOptions{Namespace: &at, ListExisting: true})
	if err != nil {
		return found, err
	}
	defer func() {
		close(done)
		for range updates { // the library's goroutine may be sending
		}
	}()
	err = wait.Within(ctx, fmt.Sprintf("wait for an %s address of %s", f, iface), addressBudget, func(ctx context.Context) error {
		for {
			select {
			case u, more := <-updates:
				if !more {
					return errors.New("the kernel ended the list of addresses")
				}
				a, _ := netip.AddrFromSlice(u.LinkAddress.IP)
				a = a.Unmap()
				if u.NewAddr && u.LinkIndex == link.Attrs().Index && f.of(a) && u.Scope == unix.RT_SCOPE_UNIVERSE {
					found = a
					return nil
				}
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
	}, func() string { return "there is none" })
	return found, err
}
