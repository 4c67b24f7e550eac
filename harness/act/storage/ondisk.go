// Package storage checks how levels are stored in storage pools, and attaches volumes.
package storage

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/lxdop"
)

// OwnersOnDisk checks the owners of a level's files in the storage pool and the map that the LXD
// above has recorded for them. With remapped, it expects the level's host ids and map. Otherwise
// the level's files are mounted idmapped, and it expects the owners of the image and an empty map
// (LXD: instance/drivers/driver_lxc.go, handleIdmappedStorage).
func OwnersOnDisk(ctx context.Context, c *harness.Chain, level int, remapped bool) ([]harness.Check, error) {
	l, err := c.Level(level)
	if err != nil {
		return nil, err
	}
	planned := c.Plan.Levels[level-1]
	instance, _, err := lxdop.With(ctx, l.Above().LXD()).GetInstance(l.Name)
	if err != nil {
		return nil, fmt.Errorf("level %d: %w", level, err)
	}
	recorded, err := recordedMap(instance.Config["volatile.last_state.idmap"])
	if err != nil {
		return nil, fmt.Errorf("level %d: volatile.last_state.idmap: %w", level, err)
	}
	wanted := idmap.Map{}
	if remapped {
		wanted = planned.Map
	}
	checks := []harness.Check{
		{What: "uid map recorded for its files", Wanted: harness.Lines(wanted.UID), Got: harness.Lines(recorded.UID)},
		{What: "gid map recorded for its files", Wanted: harness.Lines(wanted.GID), Got: harness.Lines(recorded.GID)},
	}
	for path, id := range map[string]uint32{"/": 0, bundle.SentinelPath: bundle.OriginalSentinel().UID} {
		got, err := harness.OwnerIn(ctx, l.Above().Root(), harness.PathInPool(l, path))
		if err != nil {
			return nil, fmt.Errorf("level %d: %w", level, err)
		}
		owner := harness.IDs(id, id)
		if remapped {
			owner = harness.OnHost(planned, id)
		}
		checks = append(checks, harness.Check{What: fmt.Sprintf("owner on disk of a file of user %d", id), Wanted: owner, Got: got})
	}
	for i := range checks {
		checks[i].Level = level
	}
	return checks, nil
}

// Remapped reports whether the files of a level have new owners on disk. From level 2 on they
// always have: an LXD in a level does not own the filesystem, so it cannot mount it idmapped
// (fs/namespace.c, can_idmap_mount).
func Remapped(c *harness.Chain, level int) bool { return level > 1 || c.Host.Traits().Remaps }

// IsSubvolume reports whether a level is stored in its own btrfs subvolume. The root of every
// subvolume has inode 256 (fs/btrfs: BTRFS_FIRST_FREE_OBJECTID).
func IsSubvolume(l *harness.Level) (bool, error) {
	root, err := l.Above().Root().Local()
	if err != nil {
		return false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	dir, err := root.Find(filepath.Dir(harness.PathInPool(l, "")))
	if err != nil {
		return false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	defer dir.Close()
	var stat unix.Stat_t
	var on unix.Statfs_t
	if err := errors.Join(unix.Fstat(int(dir.Fd()), &stat), unix.Fstatfs(int(dir.Fd()), &on)); err != nil {
		return false, fmt.Errorf("level %d: its directory in the pool: %w", l.Index, err)
	}
	return on.Type == unix.BTRFS_SUPER_MAGIC && stat.Ino == 256, nil
}

// recordedMap parses a map as LXD records it; "" and "[]" are empty maps.
func recordedMap(text string) (m idmap.Map, err error) {
	if text == "" {
		return m, nil
	}
	var entries []struct {
		Isuid, Isgid           bool
		Hostid, Nsid, Maprange uint32
	}
	if err := json.NewDecoder(strings.NewReader(text)).Decode(&entries); err != nil {
		return m, fmt.Errorf("%q: %w", text, err)
	}
	for _, e := range entries {
		line := idmap.Mapping{Inside: e.Nsid, Parent: e.Hostid, Count: e.Maprange}
		if e.Isuid {
			m.UID = append(m.UID, line)
		}
		if e.Isgid {
			m.GID = append(m.GID, line)
		}
	}
	return m, nil
}
