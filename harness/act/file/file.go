// Package file shares a directory of the host with every level.
package file

import (
	"context"
	"errors"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/host"
)

// Dir is the directory of the host that Share gives to every level, at the same path everywhere.
const Dir = "/srv/shared"

// Share makes a directory on the host in which everybody may make files, and
// bind-mounts it into every level: each LXD takes it from where the LXD above has
// put it. The mounts translate no ids (LXD: disk device without shift), so that
// a file has the same host owner wherever it is looked at.
func Share(ctx context.Context, c *harness.Chain) error {
	root, err := host.Files(c.Host)
	if err != nil {
		return fmt.Errorf("share %s: %w", Dir, err)
	}
	if err := errors.Join(root.MkdirAll(Dir), root.Chmod(Dir, 0o777)); err != nil {
		return fmt.Errorf("level 0: share: %w", err)
	}
	for _, l := range c.Levels {
		device := map[string]string{"type": "disk", "source": Dir, "path": Dir}
		if err := harness.AttachDevice(ctx, l, "shared", device); err != nil {
			return err
		}
	}
	return nil
}

// AddFile puts a file of the given host ids into the shared directory, which
// its owner and its group may read and write.
func AddFile(c *harness.Chain, name string, uid, gid int) error {
	root, err := host.Files(c.Host)
	if err != nil {
		return fmt.Errorf("share %s: %w", Dir, err)
	}
	f, err := root.Create(Dir+"/"+name, 0o660)
	if err != nil {
		return fmt.Errorf("level 0: share: %w", err)
	}
	if err := errors.Join(f.Chown(uid, gid), f.Close()); err != nil {
		return fmt.Errorf("level 0: share: %w", err)
	}
	return nil
}

// OwnerOnHost is the owner, in host ids, of a file in the shared directory.
func OwnerOnHost(ctx context.Context, c *harness.Chain, name string) (uid, gid uint32, err error) {
	info, err := c.Host.Root().Look(ctx, Dir+"/"+name)
	return info.UID, info.GID, err
}
