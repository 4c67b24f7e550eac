package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

const (
	// clientProgram is LXD's command-line client.
	clientProgram = "lxc"

	// lxcfsConfig has a mount hook that fails unless an lxcfs daemon runs. Levels run none.
	lxcfsConfig = "00-lxcfs.conf"
)

var (
	// required are the programs that the daemon needs to start (LXD: lxd/main_daemon.go; Incus:
	// cmd/incusd/main_daemon.go) and to unpack the bundle's image, and those that levels and
	// checks use.
	required = []string{"ip", "rsync", "setfattr", "getfattr", "tar", "unsquashfs", "xz", "zstd", "busybox"}

	// shadowTools are the programs with which liblxc writes idmaps, if it finds them (liblxc:
	// idmap_utils.c).
	shadowTools = []string{"newuidmap", "newgidmap"}

	// support are the directories of liblxc: its configuration, its hooks, and the mount point
	// for the root of a container.
	support = []string{"/usr/share/lxc", "/usr/libexec/lxc", "/usr/lib/*/lxc"}

	// excluded are files of liblxc that bundles do not get. They break starts, or are large and
	// LXD does not use them: man 1 lxc-user-nic, and a helper of lxc-monitor.
	excluded = []string{lxcfsConfig, "lxc-user-nic", "lxc-monitord"} //nolint:misspell // the program is called so
)

// An origin is a root filesystem that a bundle's programs and their libraries are copied from.
// The result is much smaller than a distribution, and every level has to unpack it.
type origin string

// thisMachine is the origin for bundles of the installed LXD.
const thisMachine origin = "/"

// find returns the path of a program in the origin.
func (o origin) find(name string) (string, error) {
	if o == thisMachine {
		return lookPath(name)
	}
	var path string
	err := withRoot(string(o), func(r *inroot.Root) (err error) {
		path, err = FindProgram(r, name)
		return err
	})
	return path, err
}

// daemon returns the name of the daemon in the origin.
func (o origin) daemon() (name string, err error) {
	err = withRoot(string(o), func(r *inroot.Root) error {
		name = daemonOf(r)
		return nil
	})
	return name, err
}

// files returns the paths, in the origin, of the files that make up a bundle: programs, their
// libraries, and liblxc's files.
func (o origin) files(ctx context.Context, s Source) ([]string, error) {
	daemon, err := o.daemon()
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", s, err)
	}
	return o.filesWith(ctx, s, needed(daemon))
}

// filesWith is files with these names of programs in place of those that every bundle needs.
func (o origin) filesWith(ctx context.Context, s Source, names []string) ([]string, error) {
	own := slices.Clone(support)
	if !s.NoShadow {
		// Both or neither, because liblxc looks for both.
		if _, err := o.find(shadowTools[0]); err == nil {
			names = append(names, shadowTools...)
		}
	}
	for _, more := range []struct {
		wanted          bool
		programs, files []string
	}{
		{AppArmor(), nil, apparmorSupport},
		{s.Tools, toolPrograms, toolSupport},
		{s.Client, []string{clientProgram}, nil},
		{s.Migration, migrationPrograms, migrationSupport},
		{s.Engines, enginePrograms, engineSupport},
	} {
		if more.wanted {
			names, own = append(names, more.programs...), append(own, more.files...)
		}
	}
	var programs []string
	for _, name := range names {
		path, err := o.find(name)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", s, err)
		}
		programs = append(programs, path)
	}
	libraries, err := o.libraries(ctx, programs)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", s, err)
	}
	files := slices.Concat(programs, libraries)
	for _, pattern := range own {
		found, err := o.match(pattern)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", s, err)
		}
		files = append(files, found...)
	}
	if s.Systemd {
		more, err := o.systemd(ctx)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w", s, err)
		}
		files = append(files, more...)
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// match returns the directories that match the pattern and everything in them except excluded.
func (o origin) match(pattern string) ([]string, error) {
	tree, err := os.OpenRoot(string(o))
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	dirs, err := fs.Glob(tree.FS(), strings.TrimPrefix(pattern, "/"))
	if err != nil {
		return nil, err
	}
	var files []string
	for _, dir := range dirs {
		err := fs.WalkDir(tree.FS(), dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil && !slices.Contains(excluded, filepath.Base(path)) {
				files = append(files, "/"+path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// libraries returns the libraries that the programs load, including the dynamic linker. It
// searches the given directories first.
func (o origin) libraries(ctx context.Context, programs []string, first ...string) ([]string, error) {
	// ldd exits with 1 if any of several programs is static, as busybox is, so only its output
	// counts.
	ldd := command.New(ctx, "ldd", programs...)
	if o != thisMachine {
		ldd = command.New(ctx, "/usr/bin/ldd", programs...)
		ldd.SysProcAttr.Chroot, ldd.Dir = string(o), "/"
	}
	if len(first) > 0 {
		ldd.Env = append(command.Environment(), "LD_LIBRARY_PATH="+strings.Join(first, string(filepath.ListSeparator)))
	}
	out, err := ldd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var libs []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if strings.HasSuffix(line, ":") || strings.HasPrefix(line, "linux-vdso") {
			continue
		}
		if name, ok := strings.CutSuffix(line, " => not found"); ok {
			return nil, fmt.Errorf("library %s: not found by ldd; install the package that holds it", name)
		}
		if _, after, ok := strings.Cut(line, " => "); ok {
			line = after
		}
		path, _, found := strings.Cut(line, " (0x")
		if found && filepath.IsAbs(path) {
			libs = append(libs, path)
		}
	}
	return libs, nil
}

// copy copies the files to the same paths under root. Their directories resolve through the
// merged /usr that makeLayout has made there.
func (o origin) copy(ctx context.Context, root string, files []string) error {
	return withRoot(string(o), func(from *inroot.Root) error {
		return withRoot(root, func(to *inroot.Root) error {
			for _, name := range files {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := copyFile(from, name, to, name); err != nil {
					return fmt.Errorf("copy %s: %w", name, err)
				}
			}
			return nil
		})
	})
}

// copyFile copies a regular file, or makes a directory.
func copyFile(from *inroot.Root, source string, to *inroot.Root, target string) error {
	stat, err := from.Stat(source)
	if err != nil {
		return err
	}
	if stat.Mode&unix.S_IFMT == unix.S_IFDIR {
		return to.MkdirAll(target)
	}
	in, err := from.OpenFile(source, unix.O_RDONLY)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := to.MkdirAll(path.Dir(target)); err != nil {
		return err
	}
	out, err := to.Create(target, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	// After the content, because a write clears set-user-id.
	return errors.Join(unix.Fchmod(int(out.Fd()), stat.Mode&^unix.S_IFMT), out.Close())
}
