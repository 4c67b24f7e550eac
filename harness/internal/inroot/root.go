// Package inroot opens, reads and changes files below a root directory whose content is untrusted,
// such as that of a container or of a bundle. Symlinks are resolved inside the root, the type of a
// file is checked before it is opened, and nothing blocks.
package inroot

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// Sources holds the files of this package. They are part of the cache keys of programs built
// from it.
//
//go:embed *.go
var Sources embed.FS

// Root is a root directory. Paths are relative to it, with or without a leading slash. It is
// safe for concurrent use, including Close.
type Root struct {
	// mu keeps Close from releasing the number of a descriptor that is in use.
	mu  sync.RWMutex
	dir *os.File
	// of is the process whose root directory this is, nil if the Root was opened by path.
	of *Process
}

// Open opens a directory of this machine as a root. It follows symlinks in the path itself.
func Open(name string) (*Root, error) {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &Root{dir: os.NewFile(uintptr(fd), name)}, nil
}

// Close closes the root.
func (r *Root) Close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	_ = r.dir.Close() // an O_PATH descriptor holds nothing that could fail to be written
	if r.of != nil {
		r.of.Close()
	}
}

// Dir returns the root's own descriptor, which Close closes.
func (r *Root) Dir() *os.File { return r.dir }

// Sub opens a directory below the root as another root.
func (r *Root) Sub(name string) (*Root, error) {
	dir, err := r.Find(name)
	if err != nil {
		return nil, err
	}
	if err := expect(dir, name, unix.S_IFDIR); err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return &Root{dir: dir}, nil
}

// Tree opens a directory below the root as an os.Root, which follows no symlink out of that
// directory.
func (r *Root) Tree(name string) (*os.Root, error) {
	found, err := r.Find(name)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	if err := expect(found, name, unix.S_IFDIR); err != nil {
		return nil, err
	}
	tree, err := os.OpenRoot(self(found))
	if err != nil {
		return nil, failed("open", name, err)
	}
	return tree, nil
}

// Find returns an O_PATH descriptor of a file: it neither blocks nor has side effects, whatever
// the type of the file.
func (r *Root) Find(name string) (*os.File, error) { return r.find(name, true) }

// find is like Find. Unless follow is set, it does not follow a symlink at the end of the path.
func (r *Root) find(name string, follow bool) (*os.File, error) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	name = path.Clean("/" + name)
	var found *os.File
	var err error
	switch in, is := inProc(name); {
	case is:
		found, err = r.findInProc(in, follow)
	case follow || name == "/":
		found, err = pathrs.OpenatInRoot(r.dir, name)
	default:
		var dir *os.File
		if dir, err = pathrs.OpenatInRoot(r.dir, path.Dir(name)); err == nil {
			defer dir.Close()
			found, err = openat(dir, path.Base(name), unix.O_PATH|unix.O_NOFOLLOW)
		}
	}
	if err != nil {
		return nil, failed("open", name, err)
	}
	return found, nil
}

// openat opens a single name in a directory.
func openat(dir *os.File, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, flags|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// inProc returns the part of a path below /proc, and reports whether there is one.
func inProc(name string) (below string, is bool) { return strings.CutPrefix(name, "/proc/") }

// rootInode is the inode of the root of every procfs (fs/proc: PROC_ROOT_INO).
const rootInode = 1

// proc opens /proc. It fails unless that is a procfs and, if the root was opened through a process,
// shows the pid namespace of that process: root of a level can mount anything there.
func (r *Root) proc() (*os.File, error) {
	proc, err := pathrs.OpenatInRoot(r.dir, "/proc")
	if err != nil {
		return nil, err
	}
	var stat unix.Stat_t
	err = unix.Fstat(int(proc.Fd()), &stat)
	kind, kerr := kindOf(proc)
	if err == nil && kerr == nil && (kind != unix.PROC_SUPER_MAGIC || stat.Ino != rootInode) {
		err = errors.New("/proc is not a proc filesystem")
	}
	if err = errors.Join(err, kerr); err == nil {
		err = r.isOwn(proc)
	}
	if err != nil {
		return nil, errors.Join(err, proc.Close())
	}
	return proc, nil
}

// findInProc opens a path below /proc. It crosses no mounts and follows no magic links.
func (r *Root) findInProc(below string, follow bool) (*os.File, error) {
	proc, err := r.proc()
	if err != nil {
		return nil, err
	}
	defer proc.Close()
	flags := unix.O_PATH
	if !follow {
		flags |= unix.O_NOFOLLOW
	}
	return beneath(proc, below, flags)
}

// beneath opens a path below a directory of a procfs.
func beneath(dir *os.File, name string, flags int) (*os.File, error) {
	fd, err := unix.Openat2(int(dir.Fd()), name, &unix.OpenHow{
		Flags:   uint64(flags | unix.O_CLOEXEC),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_MAGICLINKS | unix.RESOLVE_NO_XDEV,
	})
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// kindOf returns the magic number of the filesystem of a file (man 2 statfs).
func kindOf(f *os.File) (int64, error) {
	var stat unix.Statfs_t
	err := unix.Fstatfs(int(f.Fd()), &stat)
	return stat.Type, err
}

// typeNames maps the type in st_mode to words.
var typeNames = map[uint32]string{
	unix.S_IFREG: "a regular file", unix.S_IFDIR: "a directory", unix.S_IFLNK: "a symbolic link", unix.S_IFSOCK: "a socket",
	unix.S_IFIFO: "a FIFO", unix.S_IFCHR: "a character device", unix.S_IFBLK: "a block device",
}

// expect fails unless a file has the wanted type.
func expect(f *os.File, name string, wanted uint32) error {
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return failed("stat", name, err)
	}
	if got := stat.Mode & unix.S_IFMT; got != wanted {
		return failed("open", name, fmt.Errorf("found %s, expected %s", typeNames[got], typeNames[wanted]))
	}
	return nil
}

// failed returns an error with the path below the root, and with the kernel's error number if
// there is one.
func failed(op, name string, err error) error {
	var errno unix.Errno
	if errors.As(err, &errno) {
		err = errno
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// self returns a path to an open file, for calls that take no descriptor.
func self(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }
