package harness

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

// readSubID reads a subid file below a root.
func readSubID(root *reach.Root, path string) (idmap.File, error) {
	text, err := root.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return idmap.File{Missing: true}, nil
	}
	return idmap.File{Text: string(text)}, err
}

// readDelegation reads the subid files below a root.
func readDelegation(root *reach.Root) (d idmap.Delegation, err error) {
	for path, into := range map[string]*idmap.File{"/etc/subuid": &d.UID, "/etc/subgid": &d.GID} {
		if *into, err = readSubID(root, path); err != nil {
			return d, err
		}
	}
	return d, nil
}

// WriteSubID rewrites both subid files of the host, level 0, or of a level, as its root does with an editor. LXD
// reads them when it starts next; newuidmap at once.
func (c *Chain) WriteSubID(ctx context.Context, level int, d idmap.Delegation) error {
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
func (c *Chain) UsermodAdd(ctx context.Context, level int, first, last string) error {
	ids := first + "-" + last
	_, err := c.ExecAt(ctx, level, "usermod", "--add-subuids", ids, "--add-subgids", ids, "root")
	return err
}

// UsermodTake has usermod take ids from root, which it refuses as long as a process of
// root's runs (shadow: src/usermod.c, lib/user_busy.c); giving it does not.
func (c *Chain) UsermodTake(ctx context.Context, level int, first, last string) error {
	ids := first + "-" + last
	_, err := c.ExecAt(ctx, level, "usermod", "--del-subuids", ids, "--del-subgids", ids, "root")
	return err
}
