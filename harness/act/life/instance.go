package life

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// The names that these operations give: a scenario has no use for more than one of each.
const (
	snapshotName = "snapshot"
	renamedName  = "renamed"
	copyName     = "copy"
)

// Snapshot has the LXD above keep the level's files as they are, with those of the levels inside. It keeps no processes.
func Snapshot(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().CreateInstanceSnapshot(l.Name, api.InstanceSnapshotsPost{Name: snapshotName})
	return harness.Finish(ctx, l, "snapshot", op, err)
}

// Restore has the LXD above give the level the files of its Snapshot. LXD ends a
// level that runs, by force, and starts it again.
func Restore(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().UpdateInstance(l.Name, api.InstancePut{Restore: snapshotName}, "")
	return harness.Finish(ctx, l, "restore", op, err)
}

// Rename has the LXD above give the level another name, which it refuses for one that runs.
func Rename(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().RenameInstance(l.Name, api.InstancePost{Name: renamedName})
	if err := harness.Finish(ctx, l, "rename", op, err); err != nil {
		return err
	}
	l.Name = renamedName
	return nil
}

// Delete has the LXD above remove the level and all that is inside it, which it refuses for one that runs.
func Delete(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().DeleteInstance(l.Name)
	return harness.Finish(ctx, l, "delete", op, err)
}

// Known looks for what the LXD above a level, up or not, has of it under the name that it was made with: its record and its files.
func Known(ctx context.Context, c *harness.Chain, level int) (record, files bool, err error) {
	above, err := c.Daemon(level - 1)
	if err != nil {
		return false, false, err
	}
	name := harness.ContainerName(level)
	_, _, err = lxdop.With(ctx, above.LXD()).GetInstance(name)
	if err != nil && !api.StatusErrorCheck(err, http.StatusNotFound) {
		return false, false, fmt.Errorf("level %d: %w", level, err)
	}
	record = err == nil
	_, err = above.Root().Look(ctx, path.Join("/var/lib/lxd/storage-pools", harness.PoolName, "containers", name))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return record, false, fmt.Errorf("level %d: %w", level, err)
	}
	return record, err == nil, nil
}

// Copy has the host's LXD copy level 1 with all that is inside, as it runs, and
// starts the copy. The chain that it gives has the plan of the copy and, until Reattach, no
// clients. It goes with the host; Close only lets go of it where the host is closed.
func Copy(ctx context.Context, c *harness.Chain) (*harness.Chain, error) {
	l, err := c.Level(1)
	if err != nil {
		return nil, err
	}
	planned, err := planCopy(c)
	if err != nil {
		return nil, err
	}
	source, _, err := lxdop.With(ctx, c.Host.LXD()).GetInstance(l.Name)
	if err != nil {
		return nil, fmt.Errorf("level 1: copy: %w", err)
	}
	// The configuration LXD takes from the source itself; of its volatile keys only those that tell
	// what image it was and whose ids its files have (LXD: shared/instance.go, InstanceIncludeWhenCopying).
	op, err := c.Host.LXD().CreateInstance(api.InstancesPost{
		Name: copyName, Type: api.InstanceTypeContainer,
		Source:      api.InstanceSource{Type: "copy", Source: l.Name},
		InstancePut: api.InstancePut{Profiles: source.Profiles, Devices: source.Devices},
	})
	if err := harness.Finish(ctx, l, "copy", op, err); err != nil {
		return nil, err
	}
	twin := harness.NewLevel(c.Host, 1, copyName)
	twin.Bundle = l.Bundle
	if err := Start(ctx, twin); err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	return &harness.Chain{Host: c.Host, Spec: c.Spec, Plan: planned, Levels: []*harness.Level{twin}}, nil
}

// planCopy plans the chain of a copy: an isolated copy gets ids of its own, behind
// those of its source, any other those of its source; inside all is as it was.
func planCopy(c *harness.Chain) (idmap.Plan, error) {
	source := c.Plan.Levels[0]
	b := c.Spec.DaemonBundle(c.Host.Traits(), 0)
	d := idmap.Daemon{Flavor: b.Flavor, Delegation: c.Host.Traits().Delegation, ShadowTools: b.ShadowTools, Config: c.Spec.Levels[0].Config}
	m, reason := d.Container(d.Choose(c.Host.Traits().Map).Map, []idmap.Slot{{
		Base: int64(source.Map.UID[0].Parent), Count: int64(source.Map.UID[0].Count),
	}})
	if reason != idmap.None {
		return idmap.Plan{}, fmt.Errorf("copy of level 1: there is no map for it: %s", reason)
	}
	p := idmap.Plan{}
	host := c.Host.Traits().Map
	for i, level := range c.Plan.Levels {
		if i == 0 {
			level.Map = m
		}
		level.Host = level.Map.Compose(host)
		host = level.Host
		p.Levels = append(p.Levels, level)
	}
	return p, nil
}
