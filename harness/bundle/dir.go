package bundle

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

// dirKey returns the names, modes, sizes and modification times of the files in the directory.
// Reading the content of a whole distribution in every run would take seconds.
func dirKey(s Source) (string, error) {
	var b strings.Builder
	root, err := filepath.EvalSymlinks(s.Arg) // WalkDir does not follow a symlink
	if err != nil {
		return "", fmt.Errorf("bundle %s: %w; give a directory that holds a root filesystem with LXD in it", s, err)
	}
	err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			fmt.Fprintln(&b, path, info.Mode(), info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("bundle %s: %w; give a directory that holds a root filesystem with LXD in it", s, err)
	}
	return b.String(), nil
}

// makeDir copies the user's root filesystem to root.
func makeDir(ctx context.Context, root string, s Source) error {
	if err := checkPrograms(s.Arg, s); err != nil {
		return err
	}
	return s.copyRoot(ctx, s.Arg, root)
}

// copyRoot copies a root filesystem, without newuidmap and newgidmap if the source says so.
func (s Source) copyRoot(ctx context.Context, from, root string) error {
	// cp keeps owners, links, extended attributes and holes; no library does.
	if out, err := command.New(ctx, "cp", "-a", "--reflink=auto", from+"/.", root).CombinedOutput(); err != nil {
		return fmt.Errorf("bundle %s: copy: %w: %s", s, err, lastLine(string(out)))
	}
	if s.NoShadow {
		return withRoot(root, dropShadowTools)
	}
	return nil
}

// checkPrograms returns an error if the user's root filesystem is missing a program that a level
// needs.
func checkPrograms(root string, s Source) error {
	return withRoot(root, func(r *inroot.Root) error {
		needs := needed(daemonOf(r))
		if s.Tools {
			needs = append(needs, toolPrograms...)
		}
		for _, name := range needs {
			if !hasProgram(r, name) {
				return fmt.Errorf("bundle %s: it has no program %s; a level needs %s", s, name, strings.Join(needs, ", "))
			}
		}
		return nil
	})
}

// programDirs is the PATH of a level. Debian keeps incusd in the last one.
var programDirs = []string{"usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin", "usr/libexec/incus"}

func hasProgram(r *inroot.Root, name string) bool {
	_, err := FindProgram(r, name)
	return err == nil
}

// FindProgram returns the path of a program in the PATH of a root filesystem. It may be a
// symlink.
func FindProgram(r *inroot.Root, name string) (string, error) {
	for _, dir := range programDirs {
		program := path.Join("/", dir, name)
		if _, err := r.Lstat(program); err == nil {
			return program, nil
		}
	}
	return "", fmt.Errorf("program %s: not found in %s", name, r.Dir().Name())
}
