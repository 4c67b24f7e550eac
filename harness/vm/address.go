package vm

import "nestbed/harness/host"

// LXDAddress returns the socket or the address of the existing LXD that a target is; "" for any other target.
func LXDAddress(w Where) (string, error) {
	if !w.System || w.Address != "" {
		return w.Address, nil
	}
	return host.FindLXD()
}
