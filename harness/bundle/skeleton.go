package bundle

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

// skeleton is what every bundle gets, whatever its source: the init of a level and a few files of /etc.
//
//go:embed all:skeleton
var skeleton embed.FS

// withSystemdTree is what a bundle with Systemd gets beside, in the place of the same files of the skeleton. An empty unit is one
// that systemd shall not know (man 5 systemd.unit).
//
//go:embed all:withsystemd
var withSystemdTree embed.FS

// StartedFile is a file to which a level's init adds a byte right before it starts the LXD inside, which it
// does as often as that ends.
const StartedFile = "/run/nestbed.started"

// SaidFile is what the LXDs inside, one after the other, wrote to standard error.
const SaidFile = "/var/log/lxd.err"

// directories that LXD or the skeleton's scripts expect, beside those of the files copied.
var directories = []string{
	"dev", "etc", "proc", "root", "run", "sys", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/local/bin",
	"var/cache", "var/lib/lxd", "var/lib/misc", "var/log",
}

// mergedUsr are the names at the root that Debian links into /usr.
var mergedUsr = []string{"bin", "sbin", "lib", "lib64"}

// layOut makes the directories and links that files are then copied into.
func layOut(r *inroot.Root) error {
	for _, dir := range directories {
		if err := r.MkdirAll(dir); err != nil {
			return err
		}
	}
	for _, dir := range []string{"tmp", "var/tmp"} {
		if err := r.MkdirAll(dir); err != nil {
			return err
		}
		if err := r.Chmod(dir, 0o777|fs.ModeSticky); err != nil {
			return err
		}
	}
	for _, name := range mergedUsr {
		if err := r.Symlink("usr/"+name, name); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// dress lays the skeleton over root: init, /etc, empty subid files, busybox's applets, the sentinel.
func dress(ctx context.Context, s Source, r *inroot.Root) error {
	err := layOver(r, skeleton, "skeleton")
	if err == nil && s.Systemd {
		err = layOver(r, withSystemdTree, "withsystemd")
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"etc/subuid", "etc/subgid"} {
		// A level that is given no delegation has the files, without a line for root.
		if err := replaceFile(r, name, nil, 0o644); err != nil {
			return err
		}
	}
	if err := r.RemoveAll(path.Join("usr/share/lxc/config/common.conf.d", lxcfsConfig)); err != nil {
		return err
	}
	if err := linkApplets(ctx, r); err != nil {
		return err
	}
	return writeSentinel(r)
}

// layOver puts the files of a directory in place of those that stand there.
func layOver(r *inroot.Root, tree fs.FS, dir string) error {
	sub, err := fs.Sub(tree, dir)
	if err != nil {
		return err
	}
	return fs.WalkDir(sub, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := fs.ReadFile(sub, path)
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if strings.HasPrefix(string(content), "#!") {
			mode = 0o755
		}
		return replaceFile(r, path, content, mode)
	})
}

// Applets is a directory of links to busybox, for names that a bundle has other programs of. With it first in PATH what is
// run says the same of the same refusal in every bundle, and not what a distribution's mount, say, says.
const Applets = "/usr/lib/nestbed/applets"

// ownPrograms are not busybox's in any bundle.
var ownPrograms = slices.Concat(required, shadowTools, toolPrograms, []string{clientProgram})

// linkApplets gives busybox's applets the names that the root does not have yet, so that a minimal bundle has a shell and
// tools, and the other names in Applets.
func linkApplets(ctx context.Context, r *inroot.Root) error {
	root := r.Dir().Name()
	list := command.New(ctx, "/bin/busybox", "--list-full")
	list.SysProcAttr.Chroot = root
	list.Dir = "/"
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("list the applets of %s/bin/busybox: %w; is it the static busybox (package busybox-static)?", root, err)
	}
	for line := range strings.Lines(string(out)) {
		applet := strings.TrimSpace(line)
		if other, err := FindProgram(r, path.Base(applet)); err == nil {
			if to, err := r.Readlink(other); err == nil && path.Base(to) == "busybox" || slices.Contains(ownPrograms, path.Base(applet)) {
				continue
			}
			applet = path.Join(Applets, path.Base(applet))
		}
		// One that busybox puts outside of the programs' directories (linuxrc) may be there from another dressing.
		if err := symlink(r, "/bin/busybox", applet); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
