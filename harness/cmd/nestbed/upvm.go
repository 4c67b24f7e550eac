package main

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"nestbed/harness/vm"
)

// inVM runs the same command in a virtual machine of the suite, and shows its output.
func (f upFlags) inVM(cmd *cobra.Command, suite string) error {
	for name, set := range map[string]bool{"--keep": f.keep, "--state": f.state != ""} {
		if set {
			return &usageError{errors.New(name + ": the virtual machine, with everything in it, ends with the command; leave this out")}
		}
	}
	sources, err := parseBundles(f.bundle, f.depth)
	if err != nil {
		return &usageError{fmt.Errorf("--bundle: %w", err)}
	}
	job := vm.Job{Args: []string{cmd.Name()}, Results: map[string]string{}}
	if f.svg != "" {
		svg, err := filepath.Abs(f.svg)
		if err != nil {
			return err
		}
		job.Args = append(job.Args, "--svg="+svg)
		job.Results["NESTBED_DRAWINGS"] = filepath.Dir(svg)
	}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		if flag.Name != "host" && flag.Name != "svg" {
			job.Args = append(job.Args, "--"+flag.Name+"="+flag.Value.String())
		}
	})
	return runInVM(cmd, vm.Config{Suite: suite, Cache: f.machine.Cache, Bundles: slices.Collect(maps.Values(sources))}, job)
}
