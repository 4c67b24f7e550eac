package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// checkFile refuses a path that writeFile could not write, before anything is made. An empty path
// means that the flag was not given.
func checkFile(flag, path string) error {
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return &usageError{fmt.Errorf("%s %s: there is no directory %s; make it, or name a file elsewhere", flag, path, dir)}
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &usageError{fmt.Errorf("%s: %w", flag, err)}
	case !info.Mode().IsRegular():
		// Replacing /dev/stdout with a file would break more than this run.
		return &usageError{fmt.Errorf("%s %s: exists and is not a regular file; name another file", flag, path)}
	}
	return nil
}

// writeFile writes the file of a flag. It replaces the whole file at once or leaves it alone.
func writeFile(flag, path string, write func(io.Writer) error) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if err := renameio.WriteFile(path, b.Bytes(), 0o644, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("%s: %w", flag, err)
	}
	return nil
}
