package vm

import (
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// outbox sends the files of directories, each again when it has changed.
type outbox struct {
	to   *sender
	dirs map[string]string
	sent map[string]stamp
}

// stamp is what a file is known to be unchanged by.
type stamp struct {
	size    int64
	changed time.Time
}

// flush sends what is new. What goes while it is looked at is not sent.
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
			return orGone(err)
		}
		info, err := e.Info()
		if err != nil {
			return orGone(err)
		}
		now, key := stamp{info.Size(), info.ModTime()}, filepath.Join(dir, path)
		if b.sent[key] == now {
			return nil
		}
		data, err := root.ReadFile(path)
		if err != nil {
			return orGone(err)
		}
		b.sent[key] = now
		return b.to.send(message{File: &file{Result: name, Path: path, Mode: info.Mode().Perm(), Data: data}})
	})
}

func orGone(err error) error {
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
