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

var once sync.Once //nolint:gochecknoglobals // programs are registered once in a process

// Init runs the helper program that this process was started as, if it is one, and does not return then. A program that starts hosts
// calls it first in main or TestMain, before anything else runs: a host, a requirement or a probe runs this program again. programs
// register further helper programs.
func Init(programs ...func()) {
	once.Do(func() {
		for _, register := range append(programs, private.RegisterPrograms, inventory.RegisterPrograms, reach.RegisterPrograms) {
			register()
		}
		rerun.Main()
	})
}

// Config is what a host of any kind is given: a private one or, if LXD has an address, one on an existing LXD.
type Config struct {
	private.Config
	// LXD, Cluster, Members and Pool are those of existing.Config.
	LXD     existing.LXD
	Cluster *existing.Cluster
	Members []string
	Pool    string
}

// Start starts a private host, or makes one on an existing LXD, as the Config says. The error is ErrNotOurs if an existing LXD cannot be
// what the Config says.
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
