package harness

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
	"nestbed/harness/idmap"
)

// onDisk is the path, in the root of the level above and past any idmapped mount, of something of the level's in the pool there.
func (l *Level) onDisk(inside string) string {
	return filepath.Join(poolPath, "containers", l.Name, "rootfs", inside)
}

// OwnersOnDisk looks which owners the files of a level have in the storage pool, and which map
// the LXD above has recorded as theirs. With remapped they must be the level's host ids and its map; else,
// where the level's files are mounted idmapped, those of the image and an empty map
// (LXD: instance/drivers/driver_lxc.go, handleIdmappedStorage).
func (c *Chain) OwnersOnDisk(level int, remapped bool) ([]Check, error) {
	l, err := c.Level(level)
	if err != nil {
		return nil, err
	}
	planned := c.Plan.Levels[level-1]
	instance, _, err := l.above.LXD().GetInstance(l.Name)
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
	checks := []Check{
		{What: "uid map recorded for its files", Wanted: Lines(wanted.UID), Got: Lines(recorded.UID)},
		{What: "gid map recorded for its files", Wanted: Lines(wanted.GID), Got: Lines(recorded.GID)},
	}
	for path, id := range map[string]uint32{"/": 0, bundle.SentinelPath: bundle.AsMade.UID} {
		got, err := ownerIn(l.above.Root(), l.onDisk(path))
		if err != nil {
			return nil, fmt.Errorf("level %d: %w", level, err)
		}
		owner := ids(id, id)
		if remapped {
			owner = onHost(planned, id)
		}
		checks = append(checks, Check{What: fmt.Sprintf("owner on disk of a file of user %d", id), Wanted: owner, Got: got})
	}
	for i := range checks {
		checks[i].Level = level
	}
	return checks, nil
}

// Remapped tells whether the files of a level have new owners on disk: always those of levels
// in levels, whose LXD does not own the filesystem that it would mount idmapped (fs/namespace.c, can_idmap_mount).
func (c *Chain) Remapped(level int) bool { return level > 1 || c.Host.Traits().Remaps }

// IsSubvolume tells whether a level lies in a btrfs subvolume of its own, by the
// inode that the root of every subvolume has (fs/btrfs: BTRFS_FIRST_FREE_OBJECTID).
func (l *Level) IsSubvolume() (bool, error) {
	root, err := l.above.Root().Local()
	if err != nil {
		return false, fmt.Errorf("level %d: %w", l.Index, err)
	}
	dir, err := root.Find(filepath.Dir(l.onDisk("")))
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

// recordedMap reads a map as LXD records it; "" and "[]" are the empty one.
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
