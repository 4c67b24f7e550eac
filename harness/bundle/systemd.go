package bundle

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

var (
	// systemdPackages are Debian's packages of systemd.
	systemdPackages = []string{"systemd", "systemd-sysv"}

	// systemdPrograms are the programs of systemd that units, package scripts and people run.
	systemdPrograms = []string{"systemctl", "journalctl", "systemd-tmpfiles", "systemd-detect-virt"}

	// systemdTrees are the programs and units of systemd and of LXD's package.
	systemdTrees = []string{"/usr/lib/systemd", "/usr/lib/tmpfiles.d", "/usr/libexec/lxd"}

	// systemdLinks are symlinks and their targets: the units that LXD's package enables, and the
	// log where every level has it.
	systemdLinks = map[string]string{
		"etc/systemd/system/sockets.target.wants/lxd.socket":                "/lib/systemd/system/lxd.socket",
		"etc/systemd/system/multi-user.target.wants/lxd-containers.service": "/lib/systemd/system/lxd-containers.service",
		"var/log/lxd.log": "lxd/lxd.log",
	}
)

// systemd returns the files that a bundle with Systemd needs from the origin, except its trees:
// the programs, and the libraries that they and the programs in the trees load.
func (o origin) systemd(ctx context.Context) ([]string, error) {
	var programs []string
	for _, name := range systemdPrograms {
		path, err := o.find(name)
		if err != nil {
			return nil, err
		}
		programs = append(programs, path)
	}
	inTrees, err := o.programsIn(systemdTrees)
	if err != nil {
		return nil, err
	}
	libraries, err := o.libraries(ctx, slices.Concat(programs, inTrees))
	return slices.Concat(programs, libraries), err
}

// programsIn returns the ELF files in the trees.
func (o origin) programsIn(trees []string) (programs []string, err error) {
	root, err := os.OpenRoot(string(o))
	if err != nil {
		return nil, err
	}
	defer root.Close()
	for _, tree := range trees {
		err = fs.WalkDir(root.FS(), strings.TrimPrefix(tree, "/"), func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			f, err := root.Open(path)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = elf.NewFile(f)
			var other *elf.FormatError
			if errors.As(err, &other) || errors.Is(err, io.EOF) {
				return nil
			}
			programs = append(programs, "/"+path)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return programs, nil
}

// copySystemd copies the trees as they are. It keeps symlinks, because systemd enables units and
// names aliases with them.
func (o origin) copySystemd(ctx context.Context, root string) error {
	archive := command.New(ctx, "tar", "--create", "--directory", string(o), "--")
	for _, tree := range systemdTrees {
		archive.Args = append(archive.Args, "."+tree)
	}
	extract := command.New(ctx, "tar", "--extract", "--directory", root, "--keep-directory-symlink")
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	archive.Stdout, extract.Stdin = w, r
	err = extract.Start()
	if err == nil {
		err = errors.Join(archive.Run(), w.Close(), extract.Wait())
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("copy systemd: %w", err)
	}
	return withRoot(root, func(r *inroot.Root) error {
		for name, target := range systemdLinks {
			if err := symlink(r, target, name); err != nil {
				return err
			}
		}
		return r.MkdirAll("var/log/lxd") // as in its package
	})
}
