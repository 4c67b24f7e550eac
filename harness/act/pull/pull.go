// Package pull reads files of a level through the LXD above, as lxc file pull does.
package pull

import (
	"context"
	"fmt"
	"strconv"

	"nestbed/harness"
	"nestbed/harness/internal/lxdop"
)

// Dir is the directory, in a level, with what is pulled.
const Dir = "/srv/pulled"

// Content is the content of pulled files.
const Content = "content"

// Make runs a script in Dir of the level, as the level's root.
func Make(ctx context.Context, l *harness.Level, script string) error {
	_, err := l.Exec(ctx, "sh", "-ec", fmt.Sprintf("mkdir -p %[1]s && cd %[1]s && %s", Dir, script))
	return err
}

// A File is what the LXD above says of a file, a symlink or a directory.
type File struct {
	Type     string // file, symlink or directory
	UID, GID int64
	Mode     uint64
	Content  string   // of a file; of a symlink where it leads
	Entries  []string // of a directory
}

// From pulls a file of Dir from a level, which may be running or stopped.
func From(ctx context.Context, l *harness.Level, name string) (File, error) {
	p, err := lxdop.PullFile(ctx, l.Above().LXD(), l.Name, Dir+"/"+name)
	if err != nil {
		return File{}, fmt.Errorf("level %d: %w", l.Index, err)
	}
	f := File{Type: p.Type, UID: p.UID, GID: p.GID, Content: p.Content, Entries: p.Entries}
	if f.Mode, err = strconv.ParseUint(p.Mode, 8, 32); err != nil {
		err = fmt.Errorf("level %d: pull %s: mode: %w", l.Index, name, err)
	}
	return f, err
}
