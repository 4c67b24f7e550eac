package start

import (
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
)

// LXD returns the existing LXD that a target is, with the keyring for it; its address is "" for any other target.
func LXD(w host.Target, keyring string) (existing.LXD, error) {
	address, err := w.Address, error(nil)
	if w.System && address == "" {
		address, err = existing.FindLXD()
	}
	return existing.LXD{Address: address, Keyring: keyring}, err
}
