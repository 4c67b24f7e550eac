package scenarios_test

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"nestbed/features"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/steps"
)

// options are godog's, set by flags: -godog.tags, -godog.concurrency, -godog.paths, ...
var options = godog.Options{
	Format: "pretty",
	// A host needs a core while it builds.
	Concurrency: runtime.NumCPU(),
	// Undefined, pending and ambiguous steps fail.
	Strict:   true,
	FS:       features.FS,
	Paths:    []string{"."},
	Output:   os.Stdout,
	NoColors: !term.IsTerminal(int(os.Stdout.Fd())),
}

func init() { godog.BindFlags("godog.", flag.CommandLine, &options) }

// TestFeatures runs the scenarios on the real LXD.
func TestFeatures(t *testing.T) {
	source := harnesstest.Source(t)
	// Made before the scenarios, so that none of them is slow for it.
	bundles := steps.Bundles{Default: harnesstest.Bundle(t, source), NoShadow: harnesstest.Bundle(t, withoutNewuidmap(source))}
	var run atomic.Int32
	opts := options
	opts.TestingT = t
	opts.DefaultContext = t.Context()
	suite := godog.TestSuite{
		Name: "nestbed",
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			steps.Register(sc, bundles)
			countScenario(sc, &run)
		},
		Options: &opts,
	}
	require.Zero(t, suite.Run(), "godog's exit status")
	require.NotZero(t, run.Load(), "no scenario was run: is the -run pattern, the tag or the path right?")
	fmt.Fprintf(os.Stdout, "%d scenarios on a real LXD, bundle %s\n", run.Load(), bundles.Default)
}

func withoutNewuidmap(s bundle.Source) bundle.Source {
	s.NoShadow = true
	return s
}

func countScenario(sc *godog.ScenarioContext, run *atomic.Int32) {
	sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
		run.Add(1)
		return ctx, nil
	})
}
