package bundle

import (
	"fmt"
	"io/fs"
	"os"
	"path"

	"nestbed/harness/internal/inroot"
)

// programLimit is the largest size, in bytes, of a program or a library that is searched.
const programLimit = 1 << 30

// treeLimit is the largest total size of the files of a bundle, in bytes. A root filesystem with
// LXD has a hundredth of it.
const treeLimit = 16 << 30

// in opens a root filesystem and calls do. Absolute symlinks, which some distributions have for
// /sbin, lead to where they lead for a process that has this filesystem as its root.
func in(root string, do func(r *inroot.Root) error) error {
	r, err := inroot.Open(root)
	if err != nil {
		return err
	}
	defer r.Close()
	return do(r)
}

// replaceFile replaces whatever has the name with a new file: a package may have a symlink there,
// as systemd for /sbin/init.
func replaceFile(r *inroot.Root, name string, content []byte, mode fs.FileMode) error {
	if err := r.MkdirAll(path.Dir(name)); err != nil {
		return err
	}
	return r.WriteFile(name, content, mode)
}

// symlink makes a symlink and the missing directories above it.
func symlink(r *inroot.Root, target, name string) error {
	if err := r.MkdirAll(path.Dir(name)); err != nil {
		return err
	}
	return r.Symlink(target, name)
}

// checkSize fails if the files of a root filesystem are too large for an image. Sparse files count
// with their full size, because tar writes them in full.
func checkSize(root string) error {
	tree, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer tree.Close()
	var total int64
	return fs.WalkDir(tree.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if total += info.Size(); total > treeLimit {
			return fmt.Errorf("/%s: with it the files have %d bytes, expected %d at most; remove what a level does not need", path, total, int64(treeLimit))
		}
		return nil
	})
}
