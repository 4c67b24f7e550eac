package scenarios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	"golang.org/x/sys/unix"

	"nestbed/harness/artifact"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/vm"
)

// elsewhere runs these tests in a virtual machine where the environment says so, and gives their exit status.
func elsewhere() (status int, done bool) {
	where, err := vm.ParseHost(os.Getenv(vm.HostEnv))
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", vm.HostEnv, err)
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

func inVM(ctx context.Context, suite string) (int, error) {
	job := vm.Job{Results: map[string]string{}}
	for _, arg := range os.Args[1:] {
		// Files of go test's own, of which the guest has no directory.
		if !strings.HasPrefix(arg, "-test.testlogfile=") && !strings.HasPrefix(arg, "-test.gocoverdir=") {
			job.Args = append(job.Args, arg)
		}
	}
	flag.Parse() // testing has not yet
	bundles, err := bundlesInUse(options)
	if err != nil {
		return 0, err
	}
	artifacts, err := artifact.Dir()
	if err != nil {
		return 0, err
	}
	job.Results[artifact.Env] = artifacts
	if reports := os.Getenv(reportsEnv); reports != "" {
		if job.Results[reportsEnv], err = filepath.Abs(reports); err != nil {
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
	return vm.Run(ctx, vm.Config{
		Suite: suite, Bundles: bundles, Stdout: os.Stdout, Stderr: os.Stderr, Console: console,
		Progress: func(what string) { fmt.Fprintln(os.Stdout, what) },
	}, job)
}

// namedBundle is how scenarios name a bundle of Debian's, with what it shall have beside.
var namedBundle = regexp.MustCompile(`debian:[a-z]+(?:` + bundle.OfIncus + `)?(?:,[a-z-]+)*`)

// bundlesInUse are those that the environment and the chosen scenarios name.
func bundlesInUse(of godog.Options) ([]bundle.Source, error) {
	read, err := godog.TestSuite{Options: &of}.RetrieveFeatures()
	if err != nil {
		return nil, err
	}
	names := []string{os.Getenv(harnesstest.BundleEnv)}
	for _, f := range read {
		for _, p := range f.Pickles {
			text, err := json.Marshal(p.Steps)
			if err != nil {
				return nil, err
			}
			names = append(names, namedBundle.FindAllString(string(text), -1)...)
			for version, source := range versions() {
				if bytes.Contains(text, []byte(version)) {
					names = append(names, source)
				}
			}
		}
	}
	slices.Sort(names)
	var sources []bundle.Source
	for _, name := range slices.Compact(names) {
		if name == "" {
			continue
		}
		source, err := bundle.ParseSource(name)
		if err != nil {
			return nil, err
		}
		sources = append(sources, source)
	}
	return sources, nil
}

// consoleEnv names a file for what the virtual machine's kernel and systemd say.
const consoleEnv = "NESTBED_CONSOLE"
