package bundle

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"nestbed/harness/internal/inroot"
)

// A build is an LXD or Incus that somebody has just built. The daemon is in a directory, with
// LXD's client if that was built, too. Everything else comes from this machine.
type build struct {
	// machine are the files of this machine that keep their paths.
	machine []string
	// placed has the paths of the built files, and of libraries that the daemon would not find at
	// their paths, by the paths that they get in the bundle.
	placed map[string]string
}

// builtDir is where the built programs are in a bundle.
const builtDir = "/usr/bin"

// readBuild finds the files of a bundle of the daemon in a directory. Its libraries are in the
// given directories, or where this machine's loader finds them.
func readBuild(ctx context.Context, s Source, dir string, libraryDirs ...string) (*build, error) {
	failed := func(err error) (*build, error) { return nil, fmt.Errorf("bundle %s: %w", s, err) }
	daemon, err := builtDaemon(dir)
	if err != nil {
		return failed(err)
	}
	b := &build{placed: map[string]string{}}
	own := []string{filepath.Join(dir, daemon)}
	client := filepath.Join(dir, clientProgram)
	without := s
	if s.Client && isProgram(client) {
		own, without.Client = append(own, client), false
	}
	for _, program := range own {
		if err := runsHere(program); err != nil {
			return failed(err)
		}
		b.placed[filepath.Join(builtDir, filepath.Base(program))] = program
	}
	libraries, err := thisMachine.libraries(ctx, own, libraryDirs...)
	if err != nil {
		return failed(fmt.Errorf("%w, or name its directory in LD_LIBRARY_PATH", err))
	}
	if b.machine, err = filesBeside(ctx, without, daemon); err != nil {
		return nil, err
	}
	b.place(libraries)
	return b, nil
}

// filesBeside returns the files of this machine that a bundle has beside its daemon.
func filesBeside(ctx context.Context, s Source, daemon string) ([]string, error) {
	names := slices.DeleteFunc(needed(daemon), func(name string) bool { return name == daemon })
	packages := slices.DeleteFunc(InstalledPackages(), func(name string) bool { return name == lxdDaemon })
	return machineFiles(ctx, s, names, packages)
}

// place adds the libraries of the built programs. A level's loader has no cache (man 8 ld.so) and
// searches only the usual directories. A library from elsewhere is therefore put beside the C
// library, in place of one of the same name.
func (b *build) place(libraries []string) {
	usual := []string{"/lib", "/usr/lib", "/lib64", "/usr/lib64"}
	libraries = resolved(libraries)
	for _, path := range libraries {
		if filepath.Base(path) == "libc.so.6" {
			usual = slices.Insert(usual, 0, filepath.Dir(path))
		}
	}
	b.machine = resolved(b.machine)
	for _, path := range libraries {
		if slices.Contains(usual, filepath.Dir(path)) {
			b.machine = append(b.machine, path)
			continue
		}
		b.placed[filepath.Join(usual[0], filepath.Base(path))] = path
	}
	b.machine = slices.DeleteFunc(b.machine, func(path string) bool { return b.placed[path] != "" })
	slices.Sort(b.machine)
	b.machine = slices.Compact(b.machine)
}

// resolved returns the paths with the symlinks in their directories resolved, so that /lib and
// /usr/lib are the same where they are.
func resolved(paths []string) []string {
	var all []string
	for _, path := range paths {
		if dir, err := filepath.EvalSymlinks(filepath.Dir(path)); err == nil {
			path = filepath.Join(dir, filepath.Base(path))
		}
		all = append(all, path)
	}
	return all
}

// builtDaemon returns the name of the only daemon in a directory.
func builtDaemon(dir string) (string, error) {
	var found []string
	for _, name := range []string{lxdDaemon, incusDaemon} {
		info, err := os.Stat(filepath.Join(dir, name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return "", err
		case info.IsDir():
			return "", fmt.Errorf("%s is a directory, expected the program; give the directory that go install has written it to", filepath.Join(dir, name))
		default:
			found = append(found, name)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("%s has no program lxd or incusd; give the directory that go install has written it to", dir)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%s has lxd and incusd, expected one of them; move the other to another directory", dir)
}

// runsHere returns an error if a file is not a program for this machine's architecture.
func runsHere(path string) error {
	f, err := elf.Open(path)
	if _, is := errors.AsType[*fs.PathError](err); is {
		return err
	}
	if err != nil {
		return fmt.Errorf("%s: not a program (%w), expected an ELF executable; build it again", path, err)
	}
	defer f.Close()
	self, err := elf.Open("/proc/self/exe")
	if err != nil {
		return err
	}
	defer self.Close()
	if f.Machine != self.Machine || f.Class != self.Class {
		name := func(m elf.Machine) string { return strings.TrimPrefix(m.String(), "EM_") }
		return fmt.Errorf("%s: it is for %s, expected %s; build it for this machine", path, name(f.Machine), name(self.Machine))
	}
	return nil
}

// key returns a text with the names and contents of the files.
func (b *build) key() (string, error) {
	files := slices.Clone(b.machine)
	for _, path := range b.placed {
		files = append(files, path)
	}
	slices.Sort(files)
	return installedKey(files)
}

// fill copies the files to root.
func (b *build) fill(ctx context.Context, root string) error {
	if err := withRoot(root, makeLayout); err != nil {
		return err
	}
	if err := thisMachine.copy(ctx, root, b.machine); err != nil {
		return err
	}
	return withRoot(string(thisMachine), func(from *inroot.Root) error {
		return withRoot(root, func(to *inroot.Root) error {
			for target, source := range b.placed {
				if err := copyFile(from, source, to, target); err != nil {
					return fmt.Errorf("copy %s: %w", source, err)
				}
			}
			return nil
		})
	})
}
