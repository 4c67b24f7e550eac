package start

import (
	"cmp"
	"context"
	"fmt"

	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
)

// A Site is where hosts are made: on this machine, or on an existing LXD. The zero value makes
// private hosts.
type Site struct {
	// LXD is the existing LXD that hosts are projects of. Without an address, hosts are private.
	LXD existing.LXD
	// Pool, Members and Cluster are those of existing.Config.
	Pool    string
	Members []string
	Cluster *existing.Cluster
	// StateRoot and StateDir are those of private.Config.
	StateRoot private.StateRoot
	StateDir  string
}

// At returns the site of a target, with the given keyring. If the target is this machine's LXD,
// At looks for its socket. For a virtual machine it returns the zero Site, because hosts in it
// are private.
func At(t host.Target, keyring string) (Site, error) {
	address, err := t.Address, error(nil)
	if t.System && address == "" {
		address, err = existing.FindLXD()
	}
	return Site{LXD: existing.LXD{Address: address, Keyring: keyring}}, err
}

// Private reports whether hosts are private.
func (s Site) Private() bool { return s.LXD.Address == "" }

// Check returns the first missing requirement of hosts with a bundle of the given kind. Bundles
// are made in the store.
func (s Site) Check(ctx context.Context, store bundle.Store, kind bundle.Kind) error {
	if s.Private() {
		return private.Check(store, kind, cmp.Or(s.StateDir, s.StateRoot.Path()))
	}
	return existing.Check(ctx, store, kind, s.LXD)
}

// Start starts a private host, or makes one on the existing LXD. The error is ErrNotOurs if an
// existing LXD cannot meet the needs.
func (s Site) Start(ctx context.Context, n Needs) (host.Host, error) {
	if s.Private() {
		h, err := private.Start(ctx, private.Config{
			Delegation: n.Delegation, Bundle: n.Bundle, StateRoot: s.StateRoot, StateDir: s.StateDir, InMemory: n.InMemory,
			SharePIDs: n.SharePIDs, Loops: n.Loops, Disk: n.Disk, NoIdmapped: n.NoIdmapped,
		})
		if err != nil {
			return nil, err
		}
		return h, nil
	}
	if n.Disk > 0 || n.Loops || n.NoIdmapped {
		return nil, fmt.Errorf("LXD at %s: a disk of its own, loop devices or no idmapped mounts: %w", s.LXD.Address, host.ErrNotOurs)
	}
	h, err := existing.Start(ctx, existing.Config{
		LXD: s.LXD, Delegation: n.Delegation, Bundle: n.Bundle, Cluster: s.Cluster, Members: s.Members, Pool: s.Pool,
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}
