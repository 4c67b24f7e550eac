// Package trust tells whether a directory is nobody else's to write to. Root works in it by
// name, and whoever can put a link or a file there chooses what root works on.
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

// maxLinks is how many links the kernel follows in one path (man 7 path_resolution).
const maxLinks = 40

// Make makes a directory with all above it that are missing, as os.MkdirAll does, and refuses one that is not to be trusted.
func Make(dir string, mode fs.FileMode) error {
	// Before, as nothing shall be made in another's directory, and after, as another may have been faster.
	if err := Dir(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, mode); err != nil {
		return err
	}
	return Dir(dir)
}

// Dir refuses a directory that another account owns or may write to, or could put another one in the
// place of: it looks at every directory and link on the way. One that is not there is not refused.
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
				return fmt.Errorf("%s: more than %d links on the way; give a directory by its own path", abs, maxLinks)
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
			// at has no link in it, so that ".." means what it says.
			at, left = filepath.Join(at, left[0]), left[1:]
		}
	}
}

// parts are the names in a path; "." and a slash too many name nothing.
func parts(path string) []string {
	var names []string
	for name := range strings.SplitSeq(path, "/") {
		if name != "" && name != "." {
			names = append(names, name)
		}
	}
	return names
}

// entry is a directory or link on the way.
type entry struct {
	path     string
	uid, gid uint32
	mode     fs.FileMode
	last     bool // it is the directory itself
}

// judge judges an entry for who has the given ids.
func (e entry) judge(uid, gid uint32) error {
	if e.uid != 0 && e.uid != uid {
		return fmt.Errorf("%s: it belongs to user %d, expected %s; give a directory that is, with all above it", e.path, e.uid, self(uid))
	}
	if e.mode&fs.ModeSymlink != 0 {
		return nil // the mode of a link means nothing
	}
	others := e.mode&0o002 != 0
	// The group of an account is often its own (man 8 useradd, USERGROUPS_ENAB); root's may have
	// members, and its right is also that of whom an access control list names (man 5 acl).
	group := e.mode&0o020 != 0 && (uid == 0 || e.gid != gid)
	// In a sticky one, as /tmp is, others cannot remove or rename what is not theirs (man 7 inode).
	if (others || group) && (e.last || e.mode&fs.ModeSticky == 0) {
		return fmt.Errorf("%s: it has mode %s, expected that nobody but %s can write to it; give another one, or mend it with chmod go-w", e.path, e.mode, self(uid))
	}
	return nil
}

// self names who may own what is trusted.
func self(uid uint32) string {
	if uid == 0 {
		return "root"
	}
	return fmt.Sprintf("root or user %d", uid)
}
