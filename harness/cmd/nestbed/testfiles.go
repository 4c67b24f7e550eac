package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"nestbed/steps"
)

// disk is the machine's file system, with paths as users write them.
type disk struct{}

// Open opens a file. Unlike os.DirFS, it accepts any path.
func (disk) Open(name string) (fs.File, error) { return os.Open(name) }

// atLine matches the line number of a path such as mine.feature:10.
var atLine = regexp.MustCompile(`:\d+$`)

// featureFiles checks that the paths are feature files, or directories with some.
func featureFiles(paths []string) (fs.FS, []string, error) {
	for i, path := range paths {
		file := atLine.ReplaceAllString(path, "")
		info, err := os.Stat(file)
		if err != nil {
			return nil, nil, fmt.Errorf("features: %w", err)
		}
		paths[i] = filepath.Clean(path)
		if info.IsDir() {
			if err := hasFeature(file); err != nil {
				return nil, nil, err
			}
			continue
		}
		if filepath.Ext(file) != ".feature" {
			return nil, nil, fmt.Errorf("features: %s: not a feature file; its name must end in .feature", file)
		}
	}
	return disk{}, paths, nil
}

var errFound = errors.New("found")

// hasFeature returns an error unless the directory has a feature file, or a directory in it has.
func hasFeature(dir string) error {
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == ".feature" {
			return errFound
		}
		return err
	})
	switch {
	case errors.Is(err, errFound):
		return nil
	case err != nil:
		return fmt.Errorf("features: %w", err)
	}
	return fmt.Errorf("features: %s: there is no feature file in it; their names end in .feature", dir)
}

// refuseMistakes prints the mistakes in the features and returns an error if there are any.
func refuseMistakes(w io.Writer, suite steps.Suite) error {
	mistakes, err := suite.Mistakes()
	if err != nil {
		return &usageError{err}
	}
	for _, m := range mistakes {
		fmt.Fprintln(w, m)
		for i, known := range m.Known {
			fmt.Fprintf(w, "    %s  %s\n", []string{"similar:", "        "}[min(i, 1)], known)
		}
	}
	if n := len(mistakes); n > 0 {
		return &usageError{fmt.Errorf("test: %d %s in the features; nestbed steps lists all steps", n, plural(n, "mistake"))}
	}
	return nil
}

func plural(n int, noun string) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
