package network

import (
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"

	"nestbed/harness"
)

// inside calls do with the network namespace of d, and a connection to the kernel about it.
func inside(d harness.Daemon, do func(at netns.NsHandle, handle *netlink.Handle) error) error {
	namespace, err := d.Root().Network()
	if err != nil {
		return err
	}
	defer namespace.Close()
	at := netns.NsHandle(namespace.Fd())
	handle, err := netlink.NewHandleAt(at)
	if err != nil {
		return err
	}
	defer handle.Close()
	return do(at, handle)
}
