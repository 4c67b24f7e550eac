package harness

import (
	"context"
	"fmt"
	"slices"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// supplied is the spec for a host whose LXD runs by itself: level 1 gets as many ids as the host's Supply by its configuration,
// as the files of such a host are not for nestbed to write, and those of a snap not even read.
func (s Spec) supplied(ctx context.Context, h host.Host) (Spec, error) {
	project, is := h.(host.Project)
	if !is {
		return s, nil
	}
	refuse := func(what string) (Spec, error) { return s, fmt.Errorf("level 1: %s: %w", what, host.ErrNotOurs) }
	if s.LXCFS {
		return refuse("lxcfs on the host")
	}
	if s.storageOf(1) != Dir || len(s.Levels[0].StorageConfig) > 0 {
		return refuse("a storage pool of its own")
	}
	for _, key := range []string{idmap.KeyPrivileged, idmap.KeyRaw, idmap.KeyIsolated, idmap.KeySize, idmap.KeyBase} {
		for _, config := range []map[string]string{s.Levels[0].Config, s.Levels[0].Live.Config} {
			if value := config[key]; value != "" {
				return refuse(key + "=" + value)
			}
		}
	}
	base, err := project.FreeIDs(ctx, false)
	if err != nil {
		return s, fmt.Errorf("level 1: %w", err)
	}
	s.Levels = slices.Clone(s.Levels)
	s.Levels[0].Config = merged(s.Levels[0].Config, isolated(base, project.Supply()))
	return s, nil
}

// isolated is the configuration of a container with so many ids of its own from base on.
func isolated(base int64, count uint32) map[string]string {
	return map[string]string{idmap.KeyIsolated: "true", idmap.KeyBase: fmt.Sprint(base), idmap.KeySize: fmt.Sprint(count)}
}

// apart is what makes the image of a level one that no other chain has with the same LXD; "" where no other chain can.
func (c *Chain) apart(level int) string {
	if _, shared := c.Host.(host.Project); level > 1 || !shared {
		return ""
	}
	return c.Host.Name()
}

// pool is the storage pool that a level lies on, which the host may have already.
func (c *Chain) pool(level int) api.StoragePoolsPost {
	pool := c.Spec.pool(level)
	if project, is := c.Host.(host.Project); is && level == 1 {
		pool.Name = project.Pool()
	}
	return pool
}

// supplyTries is how often a level 1 is created, as others, too, can create containers at any time.
const supplyTries = 5

// createSupplied creates level 1 on an existing host, with ids that no other isolated container has there. Where they lie is said to
// LXD, which would else give it those of a container of the same name in another project (LXD 5.0.2:
// lxd/instance/drivers/driver_lxc.go, findIdmap, leaves out its own by the name alone).
func (c *Chain) createSupplied(ctx context.Context, project host.Project, l *Level, spec LevelSpec, fingerprint string) error {
	var taken error
	for try := range supplyTries {
		base, err := project.FreeIDs(ctx, try > 0)
		if err != nil {
			return err
		}
		ids := isolated(base, project.Supply())
		spec.Config = merged(spec.Config, ids)
		c.Spec.Levels[0].Config = merged(c.Spec.Levels[0].Config, ids)
		c.Plan = c.Spec.Plan(c.Host.Traits())
		if err := l.Create(ctx, spec, fingerprint); err != nil {
			return err
		}
		if taken = project.HasIDs(ctx, base); taken == nil {
			return nil
		}
		if err := lxdop.Remove(ctx, c.Host.LXD(), l.Name); err != nil {
			return err
		}
	}
	return taken
}
