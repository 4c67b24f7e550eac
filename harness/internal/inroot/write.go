package inroot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// maxLinks is how many dangling symlinks MkdirAll follows: as many as the kernel follows (man 7
// path_resolution).
const maxLinks = 40

// parent opens the directory of a path, and returns the last name of the path.
func (r *Root) parent(name string) (dir *os.Root, base string, err error) {
	name = path.Clean("/" + name)
	dir, err = r.Tree(path.Dir(name))
	return dir, path.Base(name), err
}

// in calls do with the directory and the last name of a path.
func (r *Root) in(op, name string, do func(dir *os.Root, base string) error) error {
	dir, base, err := r.parent(name)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := do(dir, base); err != nil {
		return failed(op, name, err)
	}
	return nil
}

// Create makes a regular file with the given mode, whatever the umask. It fails if the name
// exists.
func (r *Root) Create(name string, mode fs.FileMode) (f *os.File, err error) {
	err = r.in("create", name, func(dir *os.Root, base string) (err error) {
		if f, err = dir.OpenFile(base, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600); err == nil {
			err = f.Chmod(mode)
		}
		return err
	})
	return f, err
}

// WriteFile replaces whatever has the name with a new regular file.
func (r *Root) WriteFile(name string, content []byte, mode fs.FileMode) error {
	if err := r.RemoveAll(name); err != nil {
		return err
	}
	f, err := r.Create(name, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// Symlink makes a symlink.
func (r *Root) Symlink(target, name string) error {
	return r.in("symlink", name, func(dir *os.Root, base string) error { return dir.Symlink(target, base) })
}

// Remove removes a file, or a directory that is empty.
func (r *Root) Remove(name string) error {
	return r.in("remove", name, func(dir *os.Root, base string) error { return dir.Remove(base) })
}

// RemoveAll removes a file or a directory with everything in it. It returns nil if there is none.
func (r *Root) RemoveAll(name string) error {
	err := r.in("remove", name, func(dir *os.Root, base string) error { return dir.RemoveAll(base) })
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Chmod changes the mode of a file.
func (r *Root) Chmod(name string, mode fs.FileMode) error {
	found, err := r.Find(name)
	if err != nil {
		return err
	}
	defer found.Close()
	if err := os.Chmod(self(found), mode); err != nil {
		return failed("chmod", name, err)
	}
	return nil
}

// MkdirAll makes a directory and its missing parents with mode 0755, whatever the umask. It also
// makes the target of a dangling symlink, below the root.
func (r *Root) MkdirAll(name string) error { return r.mkdirAll(name, maxLinks) }

func (r *Root) mkdirAll(name string, links int) error {
	name = path.Clean("/" + name)
	found, err := r.Find(name)
	if err == nil {
		defer found.Close()
		return expect(found, name, unix.S_IFDIR)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if target, err := r.Readlink(name); err == nil {
		if links == 0 {
			return failed("mkdir", name, unix.ELOOP)
		}
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		return r.mkdirAll(target, links-1)
	}
	if err := r.mkdirAll(path.Dir(name), links); err != nil {
		return err
	}
	const mode = 0o755
	return r.in("mkdir", name, func(dir *os.Root, base string) error {
		return errors.Join(dir.Mkdir(base, mode), dir.Chmod(base, mode))
	})
}

// Cut truncates a regular file to half its size.
func (r *Root) Cut(name string) error {
	f, err := r.OpenFile(name, unix.O_WRONLY)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		err = f.Truncate(info.Size() / 2)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cut %s: %w", name, err)
	}
	return nil
}
