package start

import (
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
)

// LXD returns the existing LXD of a target, with the given keyring. For other targets its address
// is empty.
func LXD(w host.Target, keyring string) (existing.LXD, error) {
	address, err := w.Address, error(nil)
	if w.System && address == "" {
		address, err = existing.FindLXD()
	}
	return existing.LXD{Address: address, Keyring: keyring}, err
}
