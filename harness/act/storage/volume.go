package storage

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"

	"github.com/canonical/lxd/shared/api"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
)

// attachedPath is the path in a level of what is attached to it; handedPath is the directory that
// HandDown makes.
const (
	attachedPath = "/srv/attached"
	handedPath   = "/srv/handed"
	deviceName   = "attached"
	volumeName   = "nestbed"
)

// AttachVolume makes a storage volume with the configuration in the LXD above a running level,
// attaches it to the level and makes a file of the level's user 1000 in it.
func AttachVolume(ctx context.Context, c *harness.Chain, level int, config map[string]string) error {
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	post := api.StorageVolumesPost{Name: volumeName, Type: "custom"}
	post.Config = config
	if err := lxdop.CreateVolume(ctx, l.Above().LXD(), harness.PoolName, post); err != nil {
		return fmt.Errorf("level %d: make a volume: %w", level, err)
	}
	if err := attachDisk(ctx, l, map[string]string{"pool": harness.PoolName, "source": volumeName}); err != nil {
		return err
	}
	_, err = l.Exec(ctx, "sh", "-c", `touch "$0/file" && chown 1000:1000 "$0/file"`, attachedPath)
	return err
}

// HandDown makes a directory in a level, with a file of the level's root in it, and attaches it to
// the level below.
func HandDown(ctx context.Context, c *harness.Chain, level int, config map[string]string) error {
	l, err := c.Level(level)
	if err != nil {
		return err
	}
	below, err := c.Level(level + 1)
	if err != nil {
		return err
	}
	if _, err := l.Exec(ctx, "sh", "-c", `mkdir -p "$0" && touch "$0/file"`, handedPath); err != nil {
		return err
	}
	device := map[string]string{"source": handedPath}
	maps.Copy(device, config)
	return attachDisk(ctx, below, device)
}

// attachDisk adds a disk device to the level, which may be running or stopped.
func attachDisk(ctx context.Context, l *harness.Level, device map[string]string) error {
	device["type"], device["path"] = "disk", attachedPath
	return harness.AttachDevice(ctx, l, deviceName, device)
}

// VolumeOnDisk checks the owners of a level's volume and of the file of user 1000 in it, in the
// pool of the LXD above, and the map recorded for the volume. It expects the level's host ids and
// map, because LXD mounts volumes idmapped only with security.shifted (LXD: device/disk.go,
// storagePoolVolumeAttachShift).
func VolumeOnDisk(ctx context.Context, c *harness.Chain, level int) ([]harness.Check, error) {
	l, err := c.Level(level)
	if err != nil {
		return nil, err
	}
	planned := c.Plan.Levels[level-1]
	volume, _, err := lxdop.With(ctx, l.Above().LXD()).GetStoragePoolVolume(harness.PoolName, "custom", volumeName)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", level, err)
	}
	recorded, err := recordedMap(volume.Config["volatile.idmap.last"])
	if err != nil {
		return nil, fmt.Errorf("level %d: volatile.idmap.last: %w", level, err)
	}
	checks := []harness.Check{
		{What: "uid map recorded for the volume", Wanted: harness.Lines(planned.Map.UID), Got: harness.Lines(recorded.UID)},
		{What: "gid map recorded for the volume", Wanted: harness.Lines(planned.Map.GID), Got: harness.Lines(recorded.GID)},
	}
	dir := filepath.Join(harness.PoolPath, "custom", api.ProjectDefaultName+"_"+volumeName)
	for _, file := range []struct {
		what, path string
		id         uint32
	}{{"volume", "", 0}, {"file of user 1000", "file", 1000}} {
		got, err := harness.OwnerIn(ctx, l.Above().Root(), filepath.Join(dir, file.path))
		if err != nil {
			return nil, fmt.Errorf("level %d: %w", level, err)
		}
		checks = append(checks, harness.Check{What: "owner on disk of the " + file.what, Wanted: harness.OnHost(planned, file.id), Got: got})
	}
	for i := range checks {
		checks[i].Level = level
	}
	return checks, nil
}

// AttachedOwners returns the user and group of the directory that HandDown attached to the level
// and of the file in it, in ids of the level, one "user:group" per line.
func AttachedOwners(ctx context.Context, l *harness.Level) (string, error) {
	return l.Exec(ctx, "stat", "-c", "%u:%g", attachedPath, filepath.Join(attachedPath, "file"))
}
