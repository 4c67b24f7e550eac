// Package allocation changes the subid files of the host or of a level.
package allocation

import (
	"context"
	"fmt"

	"nestbed/harness"
	"nestbed/harness/idmap"
)

// Write rewrites both subid files of the host, level 0, or of a level, as its root does with an editor. LXD
// reads them when it starts next; newuidmap at once.
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

// UsermodAdd has usermod give root the ids first to last, on the host, level 0, or in a level: it
// writes a line behind those that are there, unless root has the ids already (shadow: lib/subordinateio.c, add_range).
func UsermodAdd(ctx context.Context, c *harness.Chain, level int, first, last string) error {
	ids := first + "-" + last
	_, err := c.ExecAt(ctx, level, "usermod", "--add-subuids", ids, "--add-subgids", ids, "root")
	return err
}

// UsermodTake has usermod take ids from root, which it refuses as long as a process of
// root's runs (shadow: src/usermod.c, lib/user_busy.c); giving it does not.
func UsermodTake(ctx context.Context, c *harness.Chain, level int, first, last string) error {
	ids := first + "-" + last
	_, err := c.ExecAt(ctx, level, "usermod", "--del-subuids", ids, "--del-subgids", ids, "root")
	return err
}
