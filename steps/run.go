package steps

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/cucumber/godog"

	"nestbed/harness/advice"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/start"
	"nestbed/harness/inventory"
	"nestbed/harness/report"
)

// run is one run of a suite. Everything that scenarios share is made before they start.
type run struct {
	suite    Suite
	settings environment.Settings
	log      func(what string)
	options  godog.Options
	pool     *pool
	// required are the requirements of single scenarios, missing those that this machine does not
	// meet.
	required, missing []inventory.Requirement
	noShadow, tools   bool // whether selected scenarios need these bundles
	results           results
	selected          int // scenarios; -run of go test may select fewer
	count             atomic.Int32
}

// missingError is the error of a run that this machine or its LXD does not support.
type missingError struct{ error }

func (m *missingError) Unwrap() error { return m.error }

func asMissing(err error) error {
	if err == nil {
		return nil
	}
	return &missingError{err}
}

// settings returns the settings of the environment, overridden by the fields of the suite.
func (s Suite) settings() (environment.Settings, error) {
	of, err := environment.Read()
	of.Host, of.Bundle = of.Locate(cmp.Or(s.Host, of.Host)), cmp.Or(s.Bundle, of.Bundle)
	of.Reports = cmp.Or(s.Reports, of.Reports)
	of.Old, of.New = cmp.Or(s.Old, of.Old), cmp.Or(s.New, of.New)
	of.RequireAll, of.Keep = of.RequireAll || s.RequireAll, of.Keep || s.Keep
	return of, err
}

// start checks which scenarios this machine can run, and makes their bundles. The caller closes
// the run.
func (s Suite) start(ctx context.Context, settings environment.Settings, log func(string)) (_ *run, err error) {
	for _, step := range s.Steps {
		if err := step.check(); err != nil {
			return nil, err
		}
	}
	r := &run{suite: s, settings: settings}
	r.results.watched.by = s.Watch
	if s.Watch == nil && settings.Guest != "" {
		r.results.watched.by = &progress{to: os.Stderr}
	}
	write := log
	log = func(what string) {
		write(what)
		r.results.watched.call(func(w Watcher) { w.Does(what) })
	}
	r.log = log
	if suite := settings.Host.Suite; suite != "" {
		return nil, fmt.Errorf("host vm:debian:%s: a suite cannot start a virtual machine; start it before, as TestMain of package scenarios does", suite)
	}
	site, err := start.At(settings.Host, settings.Keyring)
	if err != nil {
		return nil, asMissing(err)
	}
	site.StateRoot.Dir, site.Pool, site.Members = settings.State, settings.Pool, settings.Members
	source, why, err := settings.Choose(func(kind bundle.Kind) error { return site.Check(ctx, settings.Store(nil), kind) })
	if err != nil {
		return nil, asMissing(err)
	}
	if why != "" {
		log(fmt.Sprintf("%s: using the bundle %s", why, source))
	}
	r.options = s.godogOptions()
	r.options.DefaultContext = ctx
	made, err := settings.Store(log).Make(ctx, source)
	if err != nil {
		return nil, err
	}
	if err := r.exclude(ctx, requirements(ctx, settings.Store(nil), source, site.LXD.Address), made, site); err != nil {
		return nil, err
	}
	if err := r.makePool(ctx, made, site); err != nil {
		return nil, errors.Join(err, r.close(context.WithoutCancel(ctx)))
	}
	return r, nil
}

func (s Suite) godogOptions() godog.Options {
	return godog.Options{
		Format: s.Format, Output: s.Output, NoColors: s.NoColors, StopOnFailure: s.StopOnFailure, Randomize: s.Randomize,
		FS: s.Features, Paths: s.Paths, Tags: s.Tags,
		Strict: true, // undefined, pending and ambiguous steps fail
	}
}

// makePool makes the pool with its bundles and turns.
func (r *run) makePool(ctx context.Context, b *bundle.Bundle, site start.Site) (err error) {
	r.pool = &pool{
		site: site, Default: b, Mutate: r.suite.Mutate, Record: r.results.record, Selects: r.suite.selects,
		Versions: map[string]bundle.Source{oldVersion: r.settings.Old, newVersion: r.settings.New},
		Progress: func(what string) {
			fmt.Fprintln(r.suite.Output, what)
			r.results.watched.call(func(w Watcher) { w.Does(what) })
		},
		Begins: func(name string) { r.results.watched.call(func(w Watcher) { w.Begins(name) }) },
		steps:  r.suite.Steps, settings: r.settings, pkg: r.suite.Package, program: r.suite.Program, watched: r.suite.Watch != nil,
	}
	if !site.Private() {
		if r.pool.site.Cluster, err = existing.OpenCluster(ctx, site.LXD, site.Pool, site.Members...); err != nil {
			return err
		}
	}
	if r.pool.site.Cluster != nil {
		fmt.Fprintf(r.suite.Output, "on the members %s\n", r.pool.site.Cluster)
	}
	r.chooseTurns()
	store := r.settings.Store(r.log)
	if r.noShadow {
		if r.pool.NoShadow, err = store.Make(ctx, withoutNewuidmap(b.Source)); err != nil {
			return err
		}
	}
	if r.tools {
		r.pool.Tools, err = store.Make(ctx, withTools(b.Source))
	}
	return err
}

// chooseTurns sets the number of concurrent scenarios and their turns. In a cluster, the number
// depends on the members, because they do the work.
func (r *run) chooseTurns() {
	size, turns := r.suite.Concurrency, r.suite.Turns
	switch {
	case r.pool.site.Cluster != nil && size == 0:
		size, turns = r.pool.site.Cluster.Capacity(), nil
	case size == 0 && turns != nil:
		size = turns.Size()
	case size == 0:
		size = inventory.SideBySide()
	}
	if turns == nil {
		turns = NewTurns(size)
	}
	r.options.Concurrency, r.pool.Turns = size, turns
}

// scenarios runs the scenarios. It fails if any of them fails or if none was run. It always saves
// the results.
func (r *run) scenarios(ctx context.Context) (err error) {
	dir, err := resultsDir(r.settings.Reports, r.pool.Default)
	if err != nil {
		return err
	}
	if dir != "" {
		lock, err := lockResults(dir)
		if err != nil {
			return err
		}
		defer lock.Close()
		r.options.Format += ",cucumber:" + filepath.Join(dir, "cucumber.json")
		defer func() { err = errors.Join(err, r.save(ctx, dir)) }()
	}
	suite := godog.TestSuite{
		Name: "nestbed",
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			newScenario(sc, r.pool)
			sc.Before(func(ctx context.Context, s *godog.Scenario) (context.Context, error) {
				if r.suite.selects(s) {
					r.count.Add(1)
				}
				return ctx, nil
			})
		},
		Options: &r.options,
	}
	r.results.watched.call(func(w Watcher) { w.Starts(r.selected) })
	if status := suite.Run(); status != 0 {
		return fmt.Errorf("%w (exit status %d of godog)", ErrFailed, status)
	}
	if r.count.Load() == 0 {
		return ErrNoScenario
	}
	fmt.Fprintf(r.suite.Output, "%d scenarios on a real LXD, %d at a time, bundle %s\n", r.count.Load(), r.options.Concurrency, r.pool.Default)
	return nil
}

func (r *run) save(ctx context.Context, dir string) error {
	run := r.results.run(r.pool.Default)
	run.Interrupted = ctx.Err() != nil
	if err := run.Save(dir); err != nil {
		return err
	}
	r.log("results: " + filepath.Join(dir, report.RunFile))
	return nil
}

// close closes the shared chains and the connections to the cluster.
func (r *run) close(ctx context.Context) error {
	if r.pool == nil {
		return nil
	}
	errs := []error{r.pool.Close(ctx)}
	if r.pool.site.Cluster != nil {
		err := r.pool.site.Cluster.Close(ctx)
		if left, is := errors.AsType[*existing.LeftError](err); is {
			fmt.Fprintln(r.suite.Output, advice.On(left)) // leftovers on a member that is down are not a failure
			err = nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
