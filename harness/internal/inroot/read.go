package inroot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"slices"

	pathrs "github.com/cyphar/filepath-securejoin/pathrs-lite"
	"golang.org/x/sys/unix"
)

// TextLimit is the largest size, in bytes, of a text that is read whole, such as a log.
const TextLimit = 32 << 20

// namesLimit is the largest number of names in a directory that is listed.
const namesLimit = 1 << 17

// kernels are filesystems on which a read may block, consume what it reads, or never end.
var kernels = []int64{
	unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC, unix.SECURITYFS_MAGIC, unix.BPF_FS_MAGIC,
	unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.PSTOREFS_MAGIC, unix.EFIVARFS_MAGIC,
}

// OpenFile opens an existing regular file. It opens files of the kernel only if name itself is
// below /proc: a symlink from elsewhere could lead to one that blocks or never ends.
func (r *Root) OpenFile(name string, flags int) (*os.File, error) {
	found, err := r.Find(name)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	if err := expect(found, name, unix.S_IFREG); err != nil {
		return nil, err
	}
	if _, asked := inProc(path.Clean("/" + name)); !asked {
		kind, err := kindOf(found)
		if err == nil && slices.Contains(kernels, kind) {
			err = errors.New("it is a symlink to a kernel file, expected a file on disk")
		}
		if err != nil {
			return nil, failed("open", name, err)
		}
	}
	// O_NONBLOCK, because an open otherwise waits for a process that holds a lease on the file
	// (man 2 fcntl).
	f, err := pathrs.Reopen(found, flags|unix.O_NONBLOCK)
	if err != nil {
		return nil, failed("open", name, err)
	}
	return f, nil
}

// ReadFile reads a regular file. It fails if the file has more than limit bytes.
func (r *Root) ReadFile(name string, limit int64) ([]byte, error) {
	f, err := r.OpenFile(name, unix.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var stat unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &stat); err != nil {
		return nil, failed("stat", name, err)
	}
	if stat.Size > limit {
		return nil, failed("read", name, fmt.Errorf("it has %d bytes, expected %d at most", stat.Size, limit))
	}
	content, err := io.ReadAll(io.LimitReader(f, limit+1)) // procfs reports no sizes
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	if err != nil {
		return nil, failed("read", name, err)
	}
	return content, nil
}

// Stat returns the status of a file.
func (r *Root) Stat(name string) (unix.Stat_t, error) { return r.stat(name, true) }

// Lstat returns the status of a file. It does not follow a symlink at the end of the path.
func (r *Root) Lstat(name string) (unix.Stat_t, error) { return r.stat(name, false) }

func (r *Root) stat(name string, follow bool) (stat unix.Stat_t, err error) {
	found, err := r.find(name, follow)
	if err != nil {
		return stat, err
	}
	defer found.Close()
	if err := unix.Fstat(int(found.Fd()), &stat); err != nil {
		return stat, failed("stat", name, err)
	}
	return stat, nil
}

// Readlink returns the target of a symlink.
func (r *Root) Readlink(name string) (string, error) {
	found, err := r.find(name, false)
	if err != nil {
		return "", err
	}
	defer found.Close()
	target := make([]byte, unix.PathMax)
	n, err := unix.Readlinkat(int(found.Fd()), "", target)
	if errors.Is(err, unix.ENOENT) { // with an empty path, for anything that is not a symlink
		err = unix.EINVAL
	}
	if err != nil {
		return "", failed("readlink", name, err)
	}
	return string(target[:n]), nil
}

// Names returns the names in a directory, sorted. It fails if there are too many of them.
func (r *Root) Names(name string) ([]string, error) {
	found, err := r.Find(name)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	dir, err := pathrs.Reopen(found, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NONBLOCK)
	if err != nil {
		return nil, failed("open", name, err)
	}
	defer dir.Close()
	names, err := dir.Readdirnames(namesLimit + 1)
	switch {
	case errors.Is(err, io.EOF): // it is empty
		return nil, nil
	case err == nil && len(names) > namesLimit:
		err = fmt.Errorf("it has more than %d names", namesLimit)
	}
	if err != nil {
		return nil, failed("list", name, err)
	}
	slices.Sort(names)
	return names, nil
}

// Xattr returns the value of an extended attribute, or ENODATA. It does not follow a symlink at
// the end of the path.
func (r *Root) Xattr(name, attribute string) ([]byte, error) {
	found, err := r.find(name, false)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	// The buffer has exactly the size of the value: Linux 6.0 and 6.1 translate the ids of an
	// access control list on an idmapped mount only then (fs/xattr.c, vfs_getxattr;
	// fs/posix_acl.c).
	n, err := unix.Getxattr(self(found), attribute, nil)
	value := make([]byte, max(n, 0))
	if err == nil {
		n, err = unix.Getxattr(self(found), attribute, value)
	}
	if err != nil {
		return nil, failed("getxattr "+attribute, name, err)
	}
	return value[:n], nil
}

// Dial connects to a stream socket.
func (r *Root) Dial(ctx context.Context, name string) (*net.UnixConn, error) {
	found, err := r.Find(name)
	if err != nil {
		return nil, err
	}
	defer found.Close()
	if err := expect(found, name, unix.S_IFSOCK); err != nil {
		return nil, err
	}
	conn, err := (&net.Dialer{}).DialUnix(ctx, "unix", nil, &net.UnixAddr{Name: self(found), Net: "unix"})
	if err != nil {
		return nil, dialFailed(name, err)
	}
	return conn, nil
}

// dialFailed puts the path below the root into an error of package net.
func dialFailed(name string, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		op.Addr = &net.UnixAddr{Name: name, Net: "unix"}
	}
	return err
}
