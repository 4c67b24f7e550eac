// Package trust checks that no other user can write to a directory. Root uses paths in it, and
// a user who can create a link or a file there could redirect root.
package trust

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is the number of symlinks that the kernel follows in one path (man 7
// path_resolution).
const maxLinks = 40

// Make creates a directory and its missing parents like os.MkdirAll. It fails if other users
// may write to it.
func Make(dir string, mode fs.FileMode) error {
	// Check before, to create nothing in another user's directory, and after, because another
	// user may have been faster.
	if err := Dir(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return Dir(dir)
}

// Dir returns an error if another user owns a directory, may write to it, or could replace it.
// It checks every directory and symlink on the path. A directory that does not exist is
// accepted.
func Dir(dir string) error {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	at, left, links := "/", parts(abs), 0
	for {
		info, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) {
			return nil
		} else if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		e := entry{path: at, uid: owner.Uid, gid: owner.Gid, mode: info.Mode(), last: len(left) == 0}
		if err := e.judge(uint32(os.Geteuid()), uint32(os.Getegid())); err != nil {
			return err
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return fmt.Errorf("%s: more than %d symlinks in the path; use a path without symlinks", abs, maxLinks)
			}
			target, err := os.Readlink(at)
			if err != nil {
				return err
			}
			left = append(parts(target), left...)
			if at = filepath.Dir(at); filepath.IsAbs(target) {
				at = "/"
			}
		case len(left) == 0:
			return nil
		default:
			// at contains no symlink, so Join may resolve "..".
			at, left = filepath.Join(at, left[0]), left[1:]
		}
	}
}

// parts returns the names in a path, without "." and empty ones.
func parts(path string) []string {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}

// An entry is a directory or symlink on the path.
type entry struct {
	path     string
	uid, gid uint32
	mode     fs.FileMode
	last     bool // this is the directory itself
}

// judge returns an error if users other than root and the given one may change the entry.
func (e entry) judge(uid, gid uint32) error {
	if e.uid != 0 && e.uid != uid {
		return fmt.Errorf("%s: it belongs to user %d, expected %s; use a directory that belongs to them, with all its parents", e.path, e.uid, owners(uid))
	}
	if e.mode&fs.ModeSymlink != 0 {
		return nil // the mode of a symlink has no meaning
	}
	others := e.mode&0o002 != 0
	// A user often has a group of their own (man 8 useradd, USERGROUPS_ENAB). Root's group may
	// have members. The group bits of the mode also include rights from access control lists
	// (man 5 acl).
	group := e.mode&0o020 != 0 && (uid == 0 || e.gid != gid)
	// In a sticky directory such as /tmp, users cannot remove or rename files of others (man 7
	// inode).
	if (others || group) && (e.last || e.mode&fs.ModeSticky == 0) {
		return fmt.Errorf("%s: it has mode %s, expected that only %s can write to it; use another directory, or run chmod go-w on it", e.path, e.mode, owners(uid))
	}
	return nil
}

// owners names the users who may own a trusted directory.
func owners(uid uint32) string {
	if uid == 0 {
		return "root"
	}
	return fmt.Sprintf("root or user %d", uid)
}
