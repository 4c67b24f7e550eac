package vm

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// An inbox saves result files in the host's directories. A guest cannot name a file outside of
// them.
type inbox struct{ dirs map[string]string }

func (b inbox) save(f *file) error {
	dir, ok := b.dirs[f.Result]
	if !ok || !filepath.IsLocal(f.Path) {
		return fmt.Errorf("the guest sends the file %q for %q, which is not a result of its job", f.Path, f.Result)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(f.Path), 0o755); err != nil {
		return err
	}
	// Atomically, because others may be reading the file.
	out, err := renameio.NewPendingFile(f.Path, renameio.WithRoot(root), renameio.WithPermissions(f.Mode.Perm()))
	if err != nil {
		return err
	}
	defer out.Cleanup() //nolint:errcheck // CloseAtomicallyReplace reports failure; after success this does nothing
	if _, err := out.Write(f.Data); err != nil {
		return err
	}
	return out.CloseAtomicallyReplace()
}

// An outbox sends the files of directories, and each of them again after it has changed.
type outbox struct {
	to   *sender
	dirs map[string]string
	sent map[string]stamp
}

// A stamp identifies a version of a file.
type stamp struct {
	size    int64
	changed time.Time
}

// flush sends new and changed files. It skips files that disappear meanwhile.
func (b *outbox) flush() error {
	for name, dir := range b.dirs {
		if err := b.flushOne(name, dir); err != nil {
			return err
		}
	}
	return nil
}

func (b *outbox) flushOne(name, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return ignoreGone(err)
		}
		info, err := e.Info()
		if err != nil {
			return ignoreGone(err)
		}
		now, key := stamp{info.Size(), info.ModTime()}, filepath.Join(dir, path)
		if b.sent[key] == now {
			return nil
		}
		data, err := root.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		b.sent[key] = now
		return b.to.send(message{File: &file{Result: name, Path: path, Mode: info.Mode().Perm(), Data: data}})
	})
}

func ignoreGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
