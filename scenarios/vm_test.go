package scenarios_test

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/vm"
)

// runInVM runs these tests in a virtual machine if NESTBED_HOST asks for one, and returns their
// exit status. done reports whether it did, or failed to.
func runInVM() (status int, done bool) {
	where, err := host.ParseTarget(os.Getenv(environment.Host))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", environment.Host, err)
		return 2, true
	}
	if where.Suite == "" {
		return 0, false
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	if status, err = inVM(ctx, where.Suite); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return status, true
}

func inVM(ctx context.Context, debian string) (int, error) {
	job := vm.Job{Results: map[string]string{}}
	for _, arg := range os.Args[1:] {
		// The guest does not have the directory of go test's own files.
		if !strings.HasPrefix(arg, "-test.testlogfile=") && !strings.HasPrefix(arg, "-test.gocoverdir=") {
			job.Args = append(job.Args, arg)
		}
	}
	flag.Parse() // the testing package does this only later
	bundles, err := suite.Bundles()
	if err != nil {
		return 0, err
	}
	machine, err := environment.ReadMachine()
	if err != nil {
		return 0, err
	}
	artifacts, err := machine.Artifacts.Path()
	if err != nil {
		return 0, err
	}
	job.Results[environment.Artifacts] = artifacts
	if reports := os.Getenv(environment.Reports); reports != "" {
		if job.Results[environment.Reports], err = filepath.Abs(reports); err != nil {
			return 0, err
		}
	}
	var console io.Writer
	if path := os.Getenv(consoleEnv); path != "" {
		f, err := os.Create(path)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		console = f
	}
	return vm.Run(machine.Context(ctx), vm.Config{
		Suite: debian, Cache: machine.Cache, Env: environment.ForGuest(debian), Bundles: bundles, Stdout: os.Stdout, Stderr: os.Stderr, Console: console,
		Progress: func(what string) { fmt.Fprintln(os.Stdout, what) },
	}, job)
}

// consoleEnv names a file for the console output of the virtual machine's kernel and systemd.
const consoleEnv = "NESTBED_CONSOLE"
