package harness

import (
	"context"
	"maps"
	"net/http"
	"path/filepath"
	"slices"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"golang.org/x/sys/unix"

	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// PoolName is the name of the storage pool of every LXD in a chain.
const PoolName = "default"

// The drivers of storage pools that a chain can lie on.
const (
	Dir   = "dir"
	Btrfs = "btrfs"
)

// poolSize is the size of a pool in a sparse file on the host. It has room for a few levels of
// about 130 MB each.
const poolSize = "6GiB"

// PoolPath is the directory of the pool of an LXD in a level.
const PoolPath = "/var/lib/lxd/storage-pools/" + PoolName

// storageOf returns the driver of the pool that holds a level.
func (s Spec) storageOf(level int) string {
	for _, driver := range []string{s.Levels[level-1].Storage, s.Storage} {
		if driver != "" {
			return driver
		}
	}
	return Dir
}

// pool returns the storage pool that the LXD above a level makes for it.
func (s Spec) pool(level int) api.StoragePoolsPost {
	pool := api.StoragePoolsPost{Name: PoolName, Driver: s.storageOf(level)}
	pool.Config = map[string]string{}
	switch {
	case pool.Driver == Btrfs && level == 1:
		pool.Config["size"] = poolSize
	case pool.Driver == Btrfs:
		// A level has no devices to mount. Its LXD makes a subvolume on the filesystem that holds
		// the level. Below its own directory LXD accepts only this path (LXD:
		// storage/drivers/driver_btrfs.go, Create).
		pool.Config["source"] = PoolPath
	}
	maps.Copy(pool.Config, s.Levels[level-1].StorageConfig)
	return pool
}

// planStorage returns the plan with a stop where storage fails before ids do: an LXD in a level
// can make a btrfs pool only if the level itself is on btrfs.
func (s Spec) planStorage(p idmap.Plan, hostDir string) idmap.Plan {
	on := isBtrfs(hostDir)
	for i := range s.Levels {
		level := i + 1
		if s.storageOf(level) == Btrfs && level > 1 && !on && level <= len(p.Levels)+1 {
			p.Levels = p.Levels[:i]
			p.Stop = &idmap.Stop{Level: level, Op: idmap.OpStorage, Reason: idmap.NotOnBtrfs}
			p.Warnings = slices.DeleteFunc(p.Warnings, func(w idmap.Warning) bool { return w.Level >= level })
			return p
		}
		on = on || s.storageOf(level) == Btrfs
	}
	return p
}

func isBtrfs(path string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(path, &fs) == nil && fs.Type == unix.BTRFS_SUPER_MAGIC
}

// MakeStorage gives a new LXD its storage pool, and gives its default profile the configuration
// and a root disk on that pool. The profile has no network: LevelSpec.Network is for single levels.
func MakeStorage(ctx context.Context, server lxd.InstanceServer, pool api.StoragePoolsPost, config map[string]string) error {
	_, _, err := lxdop.With(ctx, server).GetStoragePool(pool.Name)
	if err == nil {
		return nil
	}
	if !api.StatusErrorCheck(err, http.StatusNotFound) {
		return err
	}
	if err := lxdop.CreatePool(ctx, server, "", pool); err != nil {
		return err
	}
	return lxdop.UpdateProfile(ctx, server, "default", api.ProfilePut{
		Config:  config,
		Devices: map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": pool.Name}},
	})
}

// PathInPool returns the path of a file of the level in the pool of the level above. It leads past
// any idmapped mount, and is a path in the root of the level above.
func PathInPool(l *Level, inside string) string {
	return filepath.Join(PoolPath, "containers", l.Name, "rootfs", inside)
}
