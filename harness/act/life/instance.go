package life

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"strings"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// The names that these operations use. A scenario needs only one of each.
const (
	snapshotName = "snapshot"
	renamedName  = "renamed"
	copyName     = "copy"
)

// Snapshot takes a snapshot of the level's files, including those of the levels inside. It does
// not save processes.
func Snapshot(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().CreateInstanceSnapshot(l.Name, api.InstanceSnapshotsPost{Name: snapshotName})
	return harness.Finish(ctx, l, "snapshot", op, err)
}

// Restore restores the level's files from its Snapshot. LXD kills a running level for that and
// starts it again.
func Restore(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().UpdateInstance(l.Name, api.InstancePut{Restore: snapshotName}, "")
	return harness.Finish(ctx, l, "restore", op, err)
}

// Rename renames the level. LXD refuses that while the level runs.
func Rename(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().RenameInstance(l.Name, api.InstancePost{Name: renamedName})
	if err := harness.Finish(ctx, l, "rename", op, err); err != nil {
		return err
	}
	l.Name = renamedName
	return nil
}

// Delete deletes the level and everything inside it. LXD refuses that while the level runs.
func Delete(ctx context.Context, l *harness.Level) error {
	op, err := l.Above().LXD().DeleteInstance(l.Name)
	return harness.Finish(ctx, l, "delete", op, err)
}

// Known reports whether the LXD above a level has a record and files of it under its original
// name. The level need not be up.
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

// Copy copies the running level 1, with everything inside it, and starts the copy. The returned
// chain has the plan of the copy, but no clients until Reattach. The host removes the copy when it
// is closed; the chain's Close then only releases descriptors.
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
	// As lxc copy does: since 6.8, LXD copies no configuration that is not asked for
	// (canonical/lxd commit d6697eda16). Of the volatile keys only that about the image is taken
	// (LXD: lxc/copy.go; shared/instance.go, InstanceIncludeWhenCopying).
	wanted := source.Writable()
	maps.DeleteFunc(wanted.Config, func(key, _ string) bool {
		return strings.HasPrefix(key, "volatile.") && key != "volatile.base_image"
	})
	op, err := c.Host.LXD().CreateInstance(api.InstancesPost{
		Name: copyName, Type: api.InstanceTypeContainer,
		Source: api.InstanceSource{Type: "copy", Source: l.Name}, InstancePut: wanted,
	})
	if err := harness.Finish(ctx, l, "copy", op, err); err != nil {
		return nil, err
	}
	twin := harness.NewLevel(c.Host, 1, copyName)
	twin.Bundle, twin.Thin = l.Bundle, l.Thin
	if err := Start(ctx, twin); err != nil {
		return nil, fmt.Errorf("copy: %w", err)
	}
	return &harness.Chain{Host: c.Host, Spec: c.Spec, Plan: planned, Levels: []*harness.Level{twin}}, nil
}

// planCopy returns the plan of the copied chain. An isolated copy gets the ids after those of its
// source; any other copy gets the same ids as its source. The levels inside are planned as before.
func planCopy(c *harness.Chain) (idmap.Plan, error) {
	source := c.Plan.Levels[0]
	b := c.Spec.DaemonBundle(c.Host.Traits(), 0)
	d := idmap.Daemon{Flavor: b.Flavor, Delegation: c.Host.Traits().Delegation, ShadowTools: b.ShadowTools, Shadow: b.Shadow, Config: c.Spec.Levels[0].Config}
	m, reason := d.Container(d.Choose(c.Host.Traits().Map).Map, []idmap.Slot{{
		Base: int64(source.Map.UID[0].Parent), Count: int64(source.Map.UID[0].Count),
	}})
	if reason != idmap.None {
		return idmap.Plan{}, fmt.Errorf("copy of level 1: no map: %s", reason)
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
