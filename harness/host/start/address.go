package start

import (
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
)

// LXDAddress returns the socket or the address of the existing LXD that a target is; "" for any other target.
func LXDAddress(w host.Target) (string, error) {
	if !w.System || w.Address != "" {
		return w.Address, nil
	}
	return existing.FindLXD()
}
