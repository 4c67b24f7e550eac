package bundle

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"
)

// MissingPrograms returns the programs that a bundle needs and this machine does not have.
func MissingPrograms() []string { return notInstalled(needed(lxdDaemon)) }

// installedFiles returns the files of this machine that make up the bundle.
func installedFiles(ctx context.Context, s Source) ([]string, error) {
	return machineFiles(ctx, s, needed(lxdDaemon), InstalledPackages())
}

// machineFiles returns the files of this machine that a bundle with the named programs takes. The
// packages hold these programs.
func machineFiles(ctx context.Context, s Source, names, packages []string) ([]string, error) {
	check := func(missing, packages []string) error {
		if len(missing) == 0 {
			return nil
		}
		return fmt.Errorf("bundle %s: this machine has no %s; run make setup, or apt-get install %s", s, strings.Join(missing, ", "), strings.Join(packages, " "))
	}
	if err := check(notInstalled(names), packages); err != nil {
		return nil, err
	}
	if s.Tools {
		if err := check(MissingTools(), toolPackages); err != nil {
			return nil, err
		}
	}
	if s.Client {
		if err := check(notInstalled([]string{clientProgram}), []string{"lxd-client"}); err != nil {
			return nil, err
		}
	}
	return thisMachine.filesWith(ctx, s, names)
}

// installedKey returns a text with the name, mode and SHA-256 of each file.
func installedKey(files []string) (string, error) {
	sums := make([]string, len(files))
	var g errgroup.Group
	g.SetLimit(4)
	for i, path := range files {
		g.Go(func() (err error) {
			sums[i], err = fileSum(path)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	return strings.Join(sums, "\n"), nil
}

func fileSum(path string) (sum string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().IsRegular() {
		sum, err = sha256Of(path)
	}
	return fmt.Sprintf("%s %s %s", path, info.Mode(), sum), err
}

func sha256Of(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}
