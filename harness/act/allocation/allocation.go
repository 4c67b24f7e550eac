// Package allocation changes the subid files of the host or of a level.
package allocation

import (
	"context"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// Write rewrites both subid files of the host (level 0) or of a level. LXD reads them at its next
// start, newuidmap at every use.
func Write(ctx context.Context, c *harness.Chain, level int, d idmap.Delegation) error {
	for path, f := range map[string]idmap.File{"/etc/subuid": d.UID, "/etc/subgid": d.GID} {
		var err error
		if f.Missing {
			_, err = c.ExecAt(ctx, level, "rm", "-f", path)
		} else {
			_, err = c.ExecAt(ctx, level, "sh", "-c", `printf %s "$0" >"$1"`, f.Text, path)
		}
		if err != nil {
			return fmt.Errorf("level %d: write %s: %w", level, path, err)
		}
	}
	return nil
}

// UsermodAdd runs usermod to add the ids first to last to root, on the host (level 0) or in a
// level. usermod appends a line unless root already has the ids (shadow: lib/subordinateio.c,
// add_range).
func UsermodAdd(ctx context.Context, c *harness.Chain, level int, first, last string) error {
	ids := first + "-" + last
	_, err := c.ExecAt(ctx, level, "usermod", "--add-subuids", ids, "--add-subgids", ids, "root")
	return err
}

// UsermodTake runs usermod to remove ids from root. Unlike UsermodAdd, it fails while root has
// running processes (shadow: src/usermod.c, lib/user_busy.c).
func UsermodTake(ctx context.Context, c *harness.Chain, level int, first, last string) error {
	ids := first + "-" + last
	_, err := c.ExecAt(ctx, level, "usermod", "--del-subuids", ids, "--del-subgids", ids, "root")
	return err
}
