package main

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
)

// starter is what init writes.
//
//go:embed all:starter
var starter embed.FS

func newInit() *cobra.Command {
	return &cobra.Command{
		Use:   "init DIR",
		Short: "Write a starter for scenarios of your own: a feature, and a workflow for GitHub",
		Long: `Writes a feature with two scenarios, a README and a workflow for GitHub Actions into
a directory, which may exist. It replaces no file: if one exists, it writes nothing.`,
		Example: `  nestbed init nesting && cd nesting && sudo nestbed test features`,
		Args:    wrongUse(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			written, err := writeStarter(args[0])
			for _, path := range written {
				fmt.Fprintln(cmd.OutOrStdout(), path)
			}
			return err
		},
	}
}

// writeStarter writes the files of the starter into a directory and returns their paths.
func writeStarter(dir string) (written []string, err error) {
	tree, err := fs.Sub(starter, "starter")
	if err != nil {
		return nil, err
	}
	err = fs.WalkDir(tree, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		path = filepath.Join(dir, path)
		written = append(written, path)
		_, err = os.Lstat(path)
		if err == nil {
			return fmt.Errorf("%s exists already, and init replaces no file; name another directory, or move the file away", path)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	if err := os.CopyFS(dir, tree); err != nil {
		return nil, fmt.Errorf("init: %w", err)
	}
	return written, nil
}
