package main

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"unicode/utf8"

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
		if !info.IsDir() && filepath.Ext(file) != ".feature" {
			return nil, nil, fmt.Errorf("features: %s: not a feature file; its name must end in .feature", file)
		}
		if err := checkFeatures(file); err != nil {
			return nil, nil, err
		}
	}
	return disk{}, paths, nil
}

// largestFeature is the maximum size of a feature file in bytes.
const largestFeature = 1 << 20

// featuresIn returns the feature files in a directory, also below other directories, or the path
// itself if it is one.
func featuresIn(path string) (found []string, err error) {
	err = filepath.WalkDir(path, func(at string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && filepath.Ext(at) == ".feature" {
			found = append(found, at)
		}
		return err
	})
	return found, err
}

// checkFeatures returns an error unless a path is a feature file that is text, or a directory with
// such files.
func checkFeatures(path string) error {
	found, err := featuresIn(path)
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	for _, file := range found {
		if err := checkText(file); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		return fmt.Errorf("features: %s: there is no feature file in it; their names end in .feature", path)
	}
	return nil
}

// checkText returns an error unless a file is a regular one with text, and not too large.
func checkText(file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return fmt.Errorf("features: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("features: %s: not a regular file", file)
	case info.Size() > largestFeature:
		return fmt.Errorf("features: %s: %d bytes; the maximum is %d", file, info.Size(), largestFeature)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("features: %w", err)
	}
	if !utf8.Valid(text) || bytes.IndexByte(text, 0) >= 0 {
		return fmt.Errorf("features: %s: not a text file in UTF-8", file)
	}
	return nil
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
