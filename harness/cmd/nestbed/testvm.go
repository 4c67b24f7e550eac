package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/vm"
	"nestbed/steps"
)

// inVM runs the same command in a virtual machine of the Debian suite, and shows its output. The
// guest gets the feature files, and its results appear here.
func (f *testFlags) inVM(cmd *cobra.Command, suite steps.Suite, paths []string, bundles []bundle.Source) error {
	if f.keep {
		return &usageError{errors.New("--keep: the virtual machine, with everything in it, ends with the command; leave this out")}
	}
	machine, err := environment.ReadMachine()
	if err != nil {
		return &usageError{err}
	}
	artifacts, err := machine.Artifacts.Path()
	if err != nil {
		return err
	}
	needed, err := suite.Bundles()
	if err != nil {
		return err
	}
	for _, b := range bundles {
		if b.Kind != "" && !slices.Contains(needed, b) {
			needed = append(needed, b)
		}
	}
	job := vm.Job{Args: []string{cmd.Name()}, Files: map[string][]byte{}, Results: map[string]string{environment.Artifacts: artifacts}}
	var wrong error
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		value := flag.Value.String()
		if slices.Contains([]string{"reports", "junit", "html"}, flag.Name) {
			path, err := filepath.Abs(value)
			wrong = errors.Join(wrong, err)
			value = path
			if flag.Name != "reports" {
				path = filepath.Dir(path)
			}
			job.Results["NESTBED_TEST_"+flag.Name] = path
		}
		if flag.Name != "host" {
			job.Args = append(job.Args, "--"+flag.Name+"="+value)
		}
	})
	for _, path := range paths {
		name, err := addFeatures(job.Files, path)
		wrong = errors.Join(wrong, err)
		job.Args = append(job.Args, name)
	}
	if wrong != nil {
		return wrong
	}
	return runInVM(cmd, vm.Config{Suite: suite.Host.Suite, Cache: machine.Cache, Bundles: needed}, job)
}

// runInVM runs a job in a virtual machine and shows its output.
func runInVM(cmd *cobra.Command, c vm.Config, job vm.Job) error {
	progress := newProgress(cmd.ErrOrStderr())
	c.Env, c.Progress = environment.ForGuest(c.Suite), progress.show
	c.Stdout, c.Stderr = spinnerClearer{cmd.OutOrStdout(), progress}, spinnerClearer{cmd.ErrOrStderr(), progress}
	status, err := vm.Run(cmd.Context(), c, job)
	progress.done()
	if err != nil {
		return orInterrupted(cmd.Context(), err)
	}
	if status != 0 {
		return statusError(status)
	}
	return nil
}

// addFeatures adds a feature file, or those in a directory, to the files of a guest, and returns
// the path in the guest. A path that leads out of the working directory is shortened to its end,
// which must not be that of another file.
func addFeatures(files map[string][]byte, path string) (name string, err error) {
	file := atLine.ReplaceAllString(path, "")
	name = filepath.Clean(path)
	if !filepath.IsLocal(name) {
		name = filepath.Base(name)
	}
	found, err := featuresIn(file)
	for _, at := range found {
		below, relErr := filepath.Rel(file, at)
		text, readErr := os.ReadFile(at)
		err = errors.Join(err, relErr, readErr)
		in := filepath.Join(atLine.ReplaceAllString(name, ""), below)
		if other, taken := files[in]; taken && !bytes.Equal(other, text) {
			err = errors.Join(err, fmt.Errorf("features: %s: another file has the name %s in the virtual machine; rename one of them", at, in))
		}
		files[in] = text
	}
	return name, err
}
