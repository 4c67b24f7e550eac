package steps

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"golang.org/x/term"

	"nestbed/features"
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/report"
)

// Suite runs features on a real LXD or Incus: nestbed's own, or those of somebody else. The zero value runs all of
// nestbed's, chosen for this machine and by the settings of package environment. A field that is set wins over a setting.
type Suite struct {
	// Features holds the feature files; nil: nestbed's own.
	Features fs.FS
	// Paths are directories, files, and files with a line ("article.feature:10"); empty: all.
	Paths []string
	// Tags selects scenarios, written as for godog; empty: all but Moving and KnownBug.
	Tags string
	// Steps are added to nestbed's vocabulary.
	Steps []Step
	// Host is where the scenarios run. The tests start a virtual machine in TestMain: Suite does not.
	Host host.Target
	// Bundle is the source of the bundle; without a kind it is chosen for this machine.
	Bundle bundle.Source
	// Concurrency is how many scenarios run at a time; 0: as many as there are processors and memory for.
	Concurrency int
	// Turns, if set, are shared with tests that run beside the scenarios.
	Turns *Turns
	// Reports is the directory for the results, which get a directory of their own for each version.
	Reports string
	// Mutate is with how many wrong values each Then is run first, at most; it must fail with each.
	Mutate int
	// Kept is how much of the time of go test is kept back for diagnosis and closing; 0: a quarter, and 1 minute at most.
	Kept time.Duration
	// Package is what go test must be given to run a failed scenario again; empty: ".". Run does not use it.
	Package string

	// Format is a format of godog; empty: "pretty".
	Format string
	// Output is where godog and the suite write; nil: standard output.
	Output io.Writer
	// NoColors leaves out colors. They are left out, too, if Output is not a terminal.
	NoColors bool
	// StopOnFailure starts no scenario after one has failed.
	StopOnFailure bool
	// Randomize is the seed of a random order; 0: the order in which they stand; -1: any seed.
	Randomize int64
}

// longestFirst are the paths of nestbed's own features: those with the longest scenarios first, so that none of them is
// left to run alone at the end.
var longestFirst = []string{"deep.feature", "migration.feature", "upgrade.feature", "."}

// withDefaults returns the suite with every field set whose default does not depend on the machine.
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

// ErrTimeIsUp is why the steps of a run end that takes longer than go test gives it.
var ErrTimeIsUp = errors.New("the run's time is up; give it more with go test -timeout")

// errNone is the error of a run of nothing, which shows nothing.
var errNone = errors.New("no scenario was run: is the -run pattern, the tag or the path right?")

// Run runs the scenarios and returns what they came to, with the error of the run. A scenario for which this machine
// is missing something counts as skipped. It is for programs; tests call Test.
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
				return report.Run{}, fmt.Errorf("everything is required, but: %w", c.Err())
			}
		}
	}
	err = r.scenarios()
	return r.results.run(r.pool.Default), err
}
