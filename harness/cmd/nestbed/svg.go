package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"nestbed/harness/drawing"
)

// svgFlag adds --svg to a verb that draws.
func svgFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVar(path, "svg", "", "also write the drawing to `FILE` as SVG")
}

// checkSVG refuses what writeSVG could not write, before anything is made. No path is no wish.
func checkSVG(path string) error {
	if path == "" {
		return nil
	}
	dir := filepath.Dir(path)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return &usageError{fmt.Errorf("--svg %s: there is no directory %s; make it, or name a file elsewhere", path, dir)}
	}
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return &usageError{fmt.Errorf("--svg: %w", err)}
	case !info.Mode().IsRegular():
		// To replace /dev/stdout by a file would break more than this run.
		return &usageError{fmt.Errorf("--svg %s: exists and is no regular file; name another file", path)}
	}
	return nil
}

// writeSVG writes the drawing to the file, which is replaced by the whole of it or not at all.
func writeSVG(path string, bars []drawing.Bar, title string) error {
	if path == "" {
		return nil
	}
	var b bytes.Buffer
	if err := drawing.WriteSVG(&b, bars, title); err != nil {
		return err
	}
	if err := renameio.WriteFile(path, b.Bytes(), 0o644, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("--svg: %w", err)
	}
	return nil
}
