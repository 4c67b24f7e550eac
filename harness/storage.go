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

// PoolName is the storage pool of every LXD in a chain.
const PoolName = "default"

// The drivers of storage pools that a chain can lie on.
const (
	Dir   = "dir"
	Btrfs = "btrfs"
)

// poolSize is that of a pool on a file of the host, which is sparse: room for a few levels, each of some 130 MB.
const poolSize = "6GiB"

// PoolPath is where a LXD has its pool.
const PoolPath = "/var/lib/lxd/storage-pools/" + PoolName

// storageOf is the driver of the pool that a level lies on.
func (s Spec) storageOf(level int) string {
	for _, driver := range []string{s.Levels[level-1].Storage, s.Storage} {
		if driver != "" {
			return driver
		}
	}
	return Dir
}

// pool is the storage pool that a level lies on, for the LXD above it to make.
func (s Spec) pool(level int) api.StoragePoolsPost {
	pool := api.StoragePoolsPost{Name: PoolName, Driver: s.storageOf(level)}
	pool.Config = map[string]string{}
	switch {
	case pool.Driver == Btrfs && level == 1:
		pool.Config["size"] = poolSize
	case pool.Driver == Btrfs:
		// A level has no devices to mount. Its LXD makes a subvolume on the filesystem that it lies on itself,
		// and below its own directory only in this place (LXD: storage/drivers/driver_btrfs.go, Create).
		pool.Config["source"] = PoolPath
	}
	maps.Copy(pool.Config, s.Levels[level-1].StorageConfig)
	return pool
}

// planStorage is the plan where storage stops the chain before ids can: a
// LXD in a level makes a pool on btrfs only if the level itself lies on one.
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

// MakeStorage gives a new LXD its storage pool, and its default profile a root
// disk on it and the configuration. The profile has no network: nothing in a level needs one.
func MakeStorage(ctx context.Context, server lxd.InstanceServer, pool api.StoragePoolsPost, config map[string]string) error {
	_, _, err := lxdop.With(ctx, server).GetStoragePool(pool.Name)
	if err == nil {
		return nil
	}
	if !api.StatusErrorCheck(err, http.StatusNotFound) {
		return err
	}
	if err := server.CreateStoragePool(pool); err != nil {
		return err
	}
	return server.UpdateProfile("default", api.ProfilePut{
		Config:  config,
		Devices: map[string]map[string]string{"root": {"type": "disk", "path": "/", "pool": pool.Name}},
	}, "")
}

// PathInPool is the path, in the root of the level above and past any idmapped mount, of something of the level's in the pool there.
func PathInPool(l *Level, inside string) string {
	return filepath.Join(PoolPath, "containers", l.Name, "rootfs", inside)
}
