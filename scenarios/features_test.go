package scenarios_test

import (
	"cmp"
	"flag"
	"strings"
	"testing"

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
	flag.StringVar(&suite.Tags, "godog.tags", suite.Tags, `tags that scenarios must bear: "@a && ~@b" is a and not b, "@a,@b" one of them`)
	flag.Func("godog.paths", "features, or scenarios at a line (article.feature:10), with commas between; all if unset", func(paths string) error {
		suite.Paths = strings.Split(paths, ",")
		return nil
	})
	flag.StringVar(&suite.Format, "godog.format", suite.Format, "pretty, progress, junit:FILE, cucumber:FILE, with commas between")
	flag.BoolVar(&suite.NoColors, "godog.no-colors", false, "leave out colors, even on a terminal")
	flag.BoolVar(&suite.StopOnFailure, "godog.stop-on-failure", false, "start no scenario after one has failed")
	flag.Int64Var(&suite.Randomize, "godog.random", 0, "seed of a random order; -1: any seed; 0: the order in which they stand")
	flag.IntVar(&suite.Concurrency, "godog.concurrency", 0, "the same as -concurrency")
	flag.IntVar(&suite.Concurrency, "concurrency", 0, "scenarios at a time; 0: as many as there are processors and memory for")
	flag.IntVar(&suite.Mutate, "mutate", 0, "run each Then with up to so many wrong values first, with which it must fail")
	flag.DurationVar(&suite.Kept, "kept", 0, "how much of -timeout is kept back for diagnosis and closing; 0: a quarter, and 1 minute at most")
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
