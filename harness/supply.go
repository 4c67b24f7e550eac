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

// withSupply returns the spec for the host. On an existing LXD, level 1 gets as many ids as the
// host's Supply, through its configuration: nestbed does not write subid files there, and cannot
// read those of a snap. withSupply refuses a spec that would change such a host.
func (s Spec) withSupply(ctx context.Context, h host.Host) (Spec, error) {
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
	s.Levels[0].Config = merged(s.Levels[0].Config, isolated(base, project.IDCount()))
	return s, nil
}

// isolated returns the configuration of a container with count ids of its own, from base on.
func isolated(base int64, count uint32) map[string]string {
	return map[string]string{idmap.KeyIsolated: "true", idmap.KeyBase: fmt.Sprint(base), idmap.KeySize: fmt.Sprint(count)}
}

// imageTag returns what distinguishes a level's image from those of other chains in the same LXD.
// It is "" if no other chain can use that LXD.
func (c *Chain) imageTag(level int) string {
	if _, shared := c.Host.(host.Project); level > 1 || !shared {
		return ""
	}
	return c.Host.Name()
}

// pool returns the storage pool that holds a level. For level 1 an existing host may have it
// already.
func (c *Chain) pool(level int) api.StoragePoolsPost {
	pool := c.Spec.pool(level)
	if project, is := c.Host.(host.Project); is && level == 1 {
		pool.Name = project.Pool()
	}
	return pool
}

// supplyTries is how often level 1 is created at most. Other clients may take its ids in between.
const supplyTries = 5

// createSupplied creates level 1 on an existing host, with ids that no other isolated container
// has. It chooses the base itself: LXD might choose the ids of a container with the same name in
// another project (LXD 5.0.2: lxd/instance/drivers/driver_lxc.go, findIdmap, skips its own ids by
// name alone).
func (c *Chain) createSupplied(ctx context.Context, project host.Project, l *Level, spec LevelSpec, fingerprint string) error {
	var conflict error
	for try := range supplyTries {
		base, err := project.FreeIDs(ctx, try > 0)
		if err != nil {
			return err
		}
		ids := isolated(base, project.IDCount())
		spec.Config = merged(spec.Config, ids)
		c.Spec.Levels[0].Config = merged(c.Spec.Levels[0].Config, ids)
		c.Plan = c.Spec.Plan(c.Host.Traits())
		if err := l.Create(ctx, spec, fingerprint); err != nil {
			return err
		}
		if conflict = project.HasIDs(ctx, base); conflict == nil {
			return nil
		}
		if err := lxdop.Remove(ctx, c.Host.LXD(), l.Name); err != nil {
			return err
		}
	}
	return conflict
}
