package host

import (
	"context"
	"fmt"
	"sync"

	"nestbed/harness/internal/rerun"
	"nestbed/harness/reach"
)

var once sync.Once

// Init runs the helper program that this process was started as, if it is one, and does not return then. A program that starts hosts
// calls it first in main or TestMain, before anything else runs: a host, a requirement or a probe runs this program again. programs
// register further helper programs.
func Init(programs ...func()) {
	once.Do(func() {
		for _, register := range append(programs, registerPrograms, registerRoom, reach.RegisterPrograms) {
			register()
		}
		rerun.Main()
	})
}

// StartConfig is what a host of any kind is given: a private one or, if LXD is not "", one on an existing LXD.
type StartConfig struct {
	PrivateConfig
	// LXD, Cluster, Members and Pool are those of ExistingConfig.
	LXD     string
	Cluster *Cluster
	Members []string
	Pool    string
}

// Start starts a private host, or makes one on an existing LXD, as the Config says. The error is ErrNotOurs if an existing LXD cannot be
// what the Config says.
func Start(ctx context.Context, c StartConfig) (Host, error) {
	if c.LXD == "" {
		h, err := Private(ctx, c.PrivateConfig)
		if err != nil {
			return nil, err
		}
		return h, nil
	}
	if c.Disk > 0 || c.Loops || c.NoIdmapped {
		return nil, fmt.Errorf("LXD at %s: a disk of its own, loop devices or no idmapped mounts: %w", c.LXD, ErrNotOurs)
	}
	h, err := System(ctx, ExistingConfig{
		LXD: c.LXD, Delegation: c.Delegation, Bundle: c.Bundle, ViaExec: c.ViaExec, Cluster: c.Cluster, Members: c.Members, Pool: c.Pool,
	})
	if err != nil {
		return nil, err
	}
	return h, nil
}
