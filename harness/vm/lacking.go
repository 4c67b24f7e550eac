package vm

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/idmap"
)

// minFree is the room that an image takes on disk, in bytes, with what is there while it is made.
const minFree = 4 << 30

// Lacking says, in one line, what this machine lacks for a virtual machine; nil: nothing. With making, for the image as well.
func Lacking(making bool) error {
	if runtime.GOARCH != "amd64" {
		return fmt.Errorf("virtual machine: this machine is %s, and images are made for amd64 only; run the suite on the machine itself", runtime.GOARCH)
	}
	needs := []struct{ program, pkg string }{{emulator, "qemu-system-x86"}}
	if making {
		needs = append(needs, []struct{ program, pkg string }{
			{"mmdebstrap", "mmdebstrap"}, {"mke2fs", "e2fsprogs"}, {"tar", "tar"},
		}...)
		if os.Geteuid() != 0 {
			needs = append(needs, []struct{ program, pkg string }{{"unshare", "util-linux"}, {"newuidmap", "uidmap"}}...)
		}
	}
	var programs, pkgs []string
	for _, n := range needs {
		if _, err := find(n.program); err != nil {
			programs, pkgs = append(programs, n.program), append(pkgs, n.pkg)
		}
	}
	if len(programs) > 0 {
		return fmt.Errorf("virtual machine: this machine has no %s; run apt-get install %s as root", strings.Join(programs, ", "), strings.Join(pkgs, " "))
	}
	if !making {
		return nil
	}
	return errors.Join(subIDs(), room())
}

// subIDs looks for the ids that mmdebstrap needs of an account that is not root (man 1 mmdebstrap, unshare mode).
func subIDs() error {
	if os.Geteuid() == 0 {
		return nil
	}
	me, err := user.Current()
	if err != nil {
		return fmt.Errorf("virtual machine: %w", err)
	}
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		text, err := os.ReadFile(file)
		if err == nil && !hasEnough(string(text), me.Username, me.Uid) {
			err = fmt.Errorf("%s has no line with 65536 ids for %s", file, me.Username)
		}
		if err != nil {
			return fmt.Errorf("virtual machine: %w; run usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %s as root, with ids that are nobody's", err, me.Username)
		}
	}
	return nil
}

// room looks for the space that making an image takes.
func room() error {
	dir, err := imageCache()
	if err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("virtual machine: %s: %w", dir, err)
	}
	if free := fs.Bavail * uint64(fs.Bsize); free < minFree {
		return fmt.Errorf("virtual machine: %d MB free on %s, expected %d; set NESTBED_CACHE to a directory with more", free>>20, dir, minFree>>20)
	}
	return nil
}

// hasEnough tells whether a line of a subid file gives an account as many ids as a Debian has.
func hasEnough(text, name, id string) bool {
	for line := range strings.Lines(text) {
		a, err := idmap.ParseAllocation(strings.TrimSpace(line))
		if err == nil && (a.Owner == name || a.Owner == id) && a.Count >= idmap.Block {
			return true
		}
	}
	return false
}
