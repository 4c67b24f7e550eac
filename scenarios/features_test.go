package scenarios_test

import (
	"cmp"
	"flag"
	"os"
	"strings"
	"testing"

	"nestbed/harness/environment"
	"nestbed/harness/inventory"
	"nestbed/steps"
)

// suite runs nestbed's own features. The flags select scenarios.
var suite = steps.Suite{
	Tags:    "~" + steps.Slow + " && ~" + steps.Moving + " && ~" + steps.KnownBug,
	Format:  "pretty",
	Package: "./scenarios",
}

func init() {
	flag.StringVar(&suite.Tags, "godog.tags", suite.Tags, `run scenarios with these tags: "@a && ~@b" is a and not b, "@a,@b" is a or b`)
	flag.Func("godog.paths", "run these features, or scenarios at a line (article.feature:10), separated by commas; default: all", func(paths string) error {
		suite.Paths = strings.Split(paths, ",")
		return nil
	})
	flag.StringVar(&suite.Format, "godog.format", suite.Format, "pretty, progress, junit:FILE or cucumber:FILE, separated by commas")
	flag.BoolVar(&suite.NoColors, "godog.no-colors", false, "use no colors, even on a terminal")
	flag.BoolVar(&suite.StopOnFailure, "godog.stop-on-failure", false, "start no more scenarios after one has failed")
	flag.Int64Var(&suite.Randomize, "godog.random", 0, "seed of a random order; -1: a random seed; 0: the order in the files")
	flag.IntVar(&suite.Concurrency, "godog.concurrency", 0, "the same as -concurrency")
	flag.IntVar(&suite.Concurrency, "concurrency", 0, "scenarios at a time; 0: as many as processors and memory allow")
	flag.IntVar(&suite.Mutate, "mutate", 0, "run each Then with up to this many wrong values first; it must fail with each")
	flag.DurationVar(&suite.Kept, "kept", 0, "the part of -timeout that is reserved for diagnosis and clean-up; 0: a quarter, at most 1 minute")
}

// takeReports makes TestFeatures the only one here that writes into the directory of reports of the
// environment. Only one run may, and other tests run suites and commands at the same time.
func takeReports() error {
	suite.Reports = os.Getenv(environment.Reports)
	return os.Unsetenv(environment.Reports)
}

// concurrency returns how many chains this machine builds at a time.
func concurrency() int { return cmp.Or(suite.Concurrency, inventory.SideBySide()) }

// TestFeatures runs the scenarios on a real LXD.
func TestFeatures(t *testing.T) {
	t.Parallel() // each scenario waits for its own turn
	s := suite
	s.Turns = turns
	s.Test(t)
}
