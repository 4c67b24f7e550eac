// Package file shares a directory of the host with every level.
package file

import (
	"context"
	"errors"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/host"
)

// Dir is the path of the shared directory, on the host and at every level.
const Dir = "/srv/shared"

// Share makes a directory on the host that everybody may write to, and bind-mounts it into every
// level: each LXD attaches the directory of its own level to the level below. The mounts do not
// translate ids (LXD: disk device without shift), so a file has the same host owner at every
// level.
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

// AddFile makes an empty file with the given host ids in the shared directory. Its owner and its
// group may read and write it.
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

// OwnerOnHost returns the owner of a file in the shared directory, in host ids.
func OwnerOnHost(ctx context.Context, c *harness.Chain, name string) (uid, gid uint32, err error) {
	info, err := c.Host.Root().Look(ctx, Dir+"/"+name)
	return info.UID, info.GID, err
}
