package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"time"

	"golang.org/x/term"

	"nestbed/features"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/report"
)

// Suite runs features on a real LXD or Incus: nestbed's own or those of another module. The zero
// value runs all of nestbed's features that this machine can run, with the settings of package
// environment. A field overrides the setting.
type Suite struct {
	// Features holds the feature files; nil: nestbed's own.
	Features fs.FS
	// Paths are directories, files, and files with a line ("article.feature:10"); empty: all.
	Paths []string
	// Name selects the scenarios with a matching name; nil: all. The name is that of the feature, a
	// colon, a space, and that of the scenario or of one example of an outline.
	Name *regexp.Regexp
	// Tags is a tag filter in godog's syntax; empty: all but Moving and KnownBug.
	Tags string
	// Steps are added to nestbed's vocabulary.
	Steps []Step
	// Host runs the scenarios. Suite does not start a virtual machine; nestbed's tests do
	// that in TestMain.
	Host host.Target
	// Bundle is the source of the bundle; without a kind, the suite chooses one for this machine.
	Bundle bundle.Source
	// Old and New are the sources of the bundles that scenarios call the old version and the new
	// version.
	Old, New bundle.Source
	// Concurrency is the number of concurrent scenarios; 0: as many as processors and memory allow.
	Concurrency int
	// Turns, if not nil, are shared with other tests that run at the same time.
	Turns *Turns
	// Reports is the directory for the results. Each version gets its own directory in it.
	Reports string
	// Mutate is the maximum number of wrong values with which each Then step is run first. It must
	// fail with each.
	Mutate int
	// Kept is the part of go test's time that is reserved for diagnosis and closing; 0: a quarter,
	// at most 1 minute.
	Kept time.Duration
	// Package is the package argument of go test for running a failed scenario again; empty: ".".
	// Run ignores it.
	Package string

	// RequireAll makes scenarios fail instead of being skipped if the machine does not meet their
	// requirements.
	RequireAll bool
	// Keep keeps the host of a failed scenario.
	Keep bool
	// Watch, if not nil, follows the run.
	Watch Watcher
	// Program is the command that runs a failed scenario again by its name, such as "nestbed test";
	// empty: none. Test ignores it.
	Program string

	// Format is the output format of godog; empty: "pretty".
	Format string
	// Output is for godog and the suite; nil: standard output.
	Output io.Writer
	// NoColors disables colors. They are also disabled if Output is not a terminal.
	NoColors bool
	// StopOnFailure starts no more scenarios after a failure.
	StopOnFailure bool
	// Randomize is the seed of a random order; 0: the order of the features; -1: a random seed.
	Randomize int64
}

// longestFirst are the paths of nestbed's own features. The longest scenarios come first, so that
// none of them runs alone at the end.
var longestFirst = []string{"deep.feature", "migration.feature", "upgrade.feature", "."}

// withDefaults returns the suite with all defaults that do not depend on the machine.
func (s Suite) withDefaults() Suite {
	if s.Features == nil {
		s.Features = features.FS
		if len(s.Paths) == 0 {
			s.Paths = longestFirst
		}
	}
	if len(s.Paths) == 0 {
		s.Paths = []string{"."}
	}
	if s.Tags == "" {
		s.Tags = "~" + Moving + " && ~" + KnownBug
	}
	if s.Format == "" {
		s.Format = "pretty"
	}
	if s.Output == nil {
		s.Output = os.Stdout
	}
	file, isFile := s.Output.(*os.File)
	s.NoColors = s.NoColors || !isFile || !term.IsTerminal(int(file.Fd()))
	return s
}

// ErrTimeIsUp is the cause with which the steps of a run end shortly before the deadline of go
// test.
var ErrTimeIsUp = errors.New("the run takes longer than go test allows; set a longer go test -timeout")

// ErrNoScenario is the error of a run that selects no scenario.
var ErrNoScenario = errors.New("no scenario was run; check the name, the tags and the paths")

// ErrFailed is the error of a run in which scenarios failed.
var ErrFailed = errors.New("scenarios failed")

// Run runs the scenarios and returns their results and the error of the run. Scenarios that this
// machine cannot run count as skipped. Run is for programs; tests call Test.
func (s Suite) Run(ctx context.Context) (result report.Run, err error) {
	s = s.withDefaults()
	s.Package = ""
	settings, err := s.settings()
	if err != nil {
		return report.Run{}, err
	}
	ctx = settings.Context(ctx)
	r, err := s.start(ctx, settings, func(what string) { fmt.Fprintln(s.Output, what) })
	if err != nil {
		return report.Run{}, err
	}
	defer func() { err = errors.Join(err, r.close(context.WithoutCancel(ctx))) }()
	if r.settings.RequireAll {
		for _, c := range r.missing {
			if !c.Elsewhere {
				return report.Run{}, fmt.Errorf("not everything that is required is available: %w", c.Err())
			}
		}
	}
	err = r.scenarios(ctx)
	if ctx.Err() != nil {
		err = errors.Join(context.Cause(ctx), err)
	}
	result = r.results.run(r.pool.Default)
	result.Interrupted = ctx.Err() != nil
	return result, err
}
