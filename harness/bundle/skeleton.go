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

// skeleton holds the files that every bundle gets: the init of a level and a few files of /etc.
//
//go:embed all:skeleton
var skeleton embed.FS

// withSystemdTree holds the files that a bundle with Systemd gets in addition. They replace files
// of the skeleton with the same name. An empty unit file masks the unit (man 5 systemd.unit).
//
//go:embed all:withsystemd
var withSystemdTree embed.FS

// StartedFile is the file to which a level's init appends a byte each time before it starts the
// daemon.
const StartedFile = "/run/nestbed.started"

// StderrFile is the file with the daemon's standard error. Restarted daemons append to it.
const StderrFile = "/var/log/lxd.err"

// directories are those that LXD or the skeleton's scripts expect, in addition to the directories
// of the copied files.
var directories = []string{
	"dev", "etc", "proc", "root", "run", "sys", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "usr/local/bin",
	"var/cache", "var/lib/lxd", "var/lib/misc", "var/log", "var/lib/nestbed",
}

// mergedUsr are the top-level directories that Debian links into /usr.
var mergedUsr = []string{"bin", "sbin", "lib", "lib64"}

// makeLayout makes the directories and symlinks that files are then copied into.
func makeLayout(r *inroot.Root) error {
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

// JoinProgram is the path of the program that connects a level to its network.
const JoinProgram = "/usr/lib/nestbed/join"

// Join returns the program at JoinProgram.
func Join() ([]byte, error) { return skeleton.ReadFile("skeleton" + JoinProgram) }

// KeyFile is the file with the key of the bundle that /usr belongs to.
const KeyFile = "/usr/lib/nestbed/bundle"

// addSkeleton adds the skeleton to a root filesystem: init, /etc, empty subid files, the bundle's
// key, links to busybox, and the sentinel.
func addSkeleton(ctx context.Context, s Source, key string, r *inroot.Root) error {
	err := copyOver(r, skeleton, "skeleton")
	if err == nil && s.Systemd {
		err = copyOver(r, withSystemdTree, "withsystemd")
	}
	if err != nil {
		return err
	}
	for _, name := range []string{"etc/subuid", "etc/subgid"} {
		// Without a delegation, a level has both files, but no line for root.
		if err := replaceFile(r, name, nil, 0o644); err != nil {
			return err
		}
	}
	if err := replaceFile(r, KeyFile, []byte(key+"\n"), 0o644); err != nil {
		return err
	}
	if err := r.RemoveAll(path.Join("usr/share/lxc/config/common.conf.d", lxcfsConfig)); err != nil {
		return err
	}
	if err := linkApplets(ctx, r); err != nil {
		return err
	}
	return writeSentinel(r)
}

// copyOver copies the files of a directory over existing ones.
func copyOver(r *inroot.Root, tree fs.FS, dir string) error {
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

// Applets is a directory of links to busybox for the programs that a bundle also has from
// elsewhere. With it first in PATH, commands print the same error messages in every bundle.
const Applets = "/usr/lib/nestbed/applets"

// neverApplets are the programs that never come from busybox.
var neverApplets = slices.Concat(required, shadowTools, toolPrograms, []string{clientProgram})

// linkApplets links busybox's applets into the root filesystem, so that a minimal bundle has a
// shell and tools. An applet whose name is taken is linked in Applets instead.
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
			if to, err := r.Readlink(other); err == nil && path.Base(to) == "busybox" || slices.Contains(neverApplets, path.Base(applet)) {
				continue
			}
			applet = path.Join(Applets, path.Base(applet))
		}
		// Applets outside of the PATH (linuxrc) may be left from an earlier call of addSkeleton.
		if err := symlink(r, "/bin/busybox", applet); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
