package bundle

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"nestbed/harness/internal/inroot"
)

// programLimit is the largest size, in bytes, of a program or library that is searched.
const programLimit = 1 << 30

// treeLimit is the largest total size of a bundle's files, in bytes. A root filesystem with LXD
// takes about a hundredth of it.
const treeLimit = 16 << 30

// withRoot opens a root filesystem and calls do. Absolute symlinks, which some distributions use
// for /sbin, resolve inside it.
func withRoot(root string, do func(r *inroot.Root) error) error {
	r, err := inroot.Open(root)
	if err != nil {
		return err
	}
	defer r.Close()
	return do(r)
}

// replaceFile writes a new file in place of any existing one. A package may have put a symlink
// there, as systemd does at /sbin/init.
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

// checkTree returns an error if LXD or a private host cannot use the root filesystem. Its files
// must not be too large for an image. Sparse files count in full, because tar writes them in
// full. /etc must be a directory, because a private host mounts over files in it.
func checkTree(root string) error {
	tree, err := os.OpenRoot(root)
	if err != nil {
		return err
	}
	defer tree.Close()
	if etc, err := tree.Lstat("etc"); err != nil || !etc.IsDir() {
		return errors.Join(errors.New("/etc: not a directory; replace it by a directory with its content"), err)
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
			return fmt.Errorf("/%s: the files up to this one have %d bytes, expected at most %d; remove files that a level does not need",
				path, total, int64(treeLimit))
		}
		return nil
	})
}
