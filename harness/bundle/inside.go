package bundle

import (
	"errors"
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

// checkTree fails if a root filesystem does not fit what is done with it. Its files must not be too large for an image;
// sparse files count with their full size, because tar writes them in full. /etc must be a directory itself, because a
// private host covers files in it.
func checkTree(root string) error {
	tree, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer tree.Close()
	if etc, err := tree.Lstat("etc"); err != nil || !etc.IsDir() {
		return errors.Join(errors.New("/etc: found something else, expected a directory; move what it leads to there"), err)
	}
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
			return fmt.Errorf("/%s: with it the files have %d bytes, expected at most %d; remove what a level does not need",
				path, total, int64(treeLimit))
		}
		return nil
	})
}
