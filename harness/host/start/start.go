package start

import (
	"context"
	"fmt"
	"sync"

	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/internal/rerun"
	"nestbed/harness/inventory"
	"nestbed/harness/reach"
)

var once sync.Once //nolint:gochecknoglobals // programs are registered once per process

// Init runs a helper program if this process was started as one, and does not return then.
// programs register more helper programs.
//
// A program that starts hosts calls Init first in main or TestMain, because hosts, requirements
// and probes run this program again.
func Init(programs ...func()) {
	once.Do(func() {
		for _, register := range append(programs, private.RegisterPrograms, inventory.RegisterPrograms, reach.RegisterPrograms) {
			register()
		}
		rerun.Main()
	})
}

// A Config describes a host of any kind: on an existing LXD if LXD has an address, otherwise
// private.
type Config struct {
	private.Config
	// LXD, Cluster, Members and Pool are those of existing.Config.
	LXD     existing.LXD
	Cluster *existing.Cluster
	Members []string
	Pool    string
}

// Start starts a private host, or makes one on an existing LXD. The error is ErrNotOurs if an
// existing LXD cannot be what c describes.
func Start(ctx context.Context, c Config) (host.Host, error) {
	if c.LXD.Address == "" {
		h, err := private.Start(ctx, c.Config)
		if err != nil {
			return nil, err
		}
		return h, nil
	}
	if c.Disk > 0 || c.Loops || c.NoIdmapped {
		return nil, fmt.Errorf("LXD at %s: a disk of its own, loop devices or no idmapped mounts: %w", c.LXD.Address, host.ErrNotOurs)
	}
	h, err := existing.Start(ctx, existing.Config{
		LXD: c.LXD, Delegation: c.Delegation, Bundle: c.Bundle, ViaExec: c.ViaExec, Cluster: c.Cluster, Members: c.Members, Pool: c.Pool,
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}
