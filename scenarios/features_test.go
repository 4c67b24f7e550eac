package scenarios_test

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/term"

	"nestbed/features"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/vm"
	"nestbed/steps"
)

// options are godog's, set by flags: -godog.tags, -godog.concurrency, -godog.paths, ...
var options = godog.Options{
	Format:      "pretty",
	Concurrency: host.SideBySide(),
	// Undefined, pending and ambiguous steps fail.
	Strict: true,
	FS:     features.FS,
	// Those with the longest scenarios first, so that none of them is left to run alone at the end.
	Paths:    []string{"deeper.feature", "migration.feature", "upgrade.feature", "."},
	Tags:     "~" + steps.Slow + " && ~" + steps.Moving + " && ~" + steps.KnownBug,
	Output:   os.Stdout,
	NoColors: !term.IsTerminal(int(os.Stdout.Fd())),
}

// mutate is Pool.Mutate: whether every Then can fail.
var mutate int

func init() {
	godog.BindFlags("godog.", flag.CommandLine, &options)
	flag.IntVar(&options.Concurrency, "concurrency", options.Concurrency, "scenarios at a time; chosen for processors and memory")
	flag.IntVar(&mutate, "mutate", 0, "run each Then with up to so many wrong values first, with which it must fail")
}

// TestFeatures runs the scenarios on the real LXD.
func TestFeatures(t *testing.T) {
	t.Parallel() // each scenario takes a turn
	socket, err := where(t).LXD()
	harnesstest.Lacking(t, err)
	source := harnesstest.SourceOn(t, socket)
	opts := options
	opts.TestingT = t
	opts.DefaultContext = untilDeadline(t)
	var results results
	opts.Tags = withoutTheImpossible(t, source, opts, &results)
	pool := newPool(t, source, socket, opts.Tags)
	pool.Turns = turns
	pool.Record = results.record
	pool.Mutate = mutate
	if pool.Cluster != nil && !isSet("concurrency") && !isSet("godog.concurrency") {
		opts.Concurrency = pool.Cluster.SideBySide()
		pool.Turns = steps.NewTurns(opts.Concurrency) // on the members, not on this machine
	}
	t.Cleanup(func() { results.write(t, pool.Default) })
	if dir := reportsDir(t, pool.Default); dir != "" {
		opts.Format += ",cucumber:" + filepath.Join(dir, "cucumber.json")
	}
	var run atomic.Int32
	far := newProgress(t, opts)
	suite := godog.TestSuite{
		Name: "nestbed",
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			steps.Register(sc, pool)
			countScenario(sc, &run)
			far.watch(sc)
			breakSteps(sc)
		},
		Options: &opts,
	}
	require.Zero(t, suite.Run(), "godog's exit status")
	require.NotZero(t, run.Load(), "no scenario was run: is the -run pattern, the tag or the path right?")
	fmt.Fprintf(os.Stdout, "%d scenarios on a real LXD, %d at a time, bundle %s\n", run.Load(), opts.Concurrency, pool.Default)
}

// errTimeIsUp is why the steps of a run end that takes longer than go test gives it.
var errTimeIsUp = errors.New("the run's time is up; give it more with go test -timeout")

var keptTime = flag.Duration("kept", 0, "how much of -timeout is kept back for diagnosis and closing; 0: a quarter, and 1 minute at most")

// untilDeadline ends before go test would end the process, and with it every word about why: a part of the
// time is kept back for diagnosis and for closing what there is.
func untilDeadline(t *testing.T) context.Context {
	t.Helper()
	deadline, ok := t.Deadline()
	if !ok {
		return t.Context()
	}
	kept := *keptTime
	if kept == 0 {
		kept = min(time.Minute, time.Until(deadline)/4)
	}
	ctx, cancel := context.WithDeadlineCause(t.Context(), deadline.Add(-kept), errTimeIsUp)
	t.Cleanup(cancel)
	return ctx
}

// newPool makes the bundles before the scenarios, so that none of them is slow for it.
func newPool(t *testing.T, source bundle.Source, socket, tags string) *steps.Pool {
	t.Helper()
	pool := &steps.Pool{
		LXD: socket, StoragePool: os.Getenv(poolEnv), Cluster: clusterOf(t, socket),
		Default: harnesstest.Bundle(t, source), Versions: map[string]bundle.Source{},
		Progress: func(what string) { fmt.Fprintln(os.Stdout, what) },
	}
	for name, text := range versions() {
		version, err := bundle.ParseSource(text)
		require.NoError(t, err, name)
		pool.Versions[name] = version
	}
	if !strings.Contains(tags, "~@requires-other-bundles") {
		pool.NoShadow = harnesstest.Bundle(t, withoutNewuidmap(source))
	}
	if !strings.Contains(tags, "~@requires-tools") {
		pool.Tools = harnesstest.Bundle(t, withTools(source))
	}
	t.Cleanup(func() { assert.NoError(t, pool.Close(context.Background())) })
	return pool
}

// poolEnv names the storage pool for the scenarios on a LXD that runs by itself. Unset: each host makes one.
const poolEnv = "NESTBED_POOL"

// The variables that name the bundles which scenarios call the old version and the new one.
const (
	oldEnv = "NESTBED_OLD"
	newEnv = "NESTBED_NEW"
)

// versions are the sources of those bundles.
func versions() map[string]string {
	return map[string]string{
		"the old version": cmp.Or(os.Getenv(oldEnv), "debian:bookworm"), "the new version": cmp.Or(os.Getenv(newEnv), "debian:trixie"),
	}
}

// withoutTheImpossible leaves out the scenarios that this machine lacks something for, and
// shows each lack as a skipped test: godog's own skips never reach go test.
func withoutTheImpossible(t *testing.T, source bundle.Source, of godog.Options, results *results) string {
	t.Helper()
	lacks := map[string]error{}
	var impossible []string
	for _, c := range capabilities(t, source) {
		t.Run(strings.TrimPrefix(c.For, "@"), func(t *testing.T) {
			if c.Elsewhere && !c.OK {
				t.Skip(c.Err())
			}
			harnesstest.Lacking(t, c.Err())
		})
		if !c.OK {
			impossible = append(impossible, c.For)
			lacks[c.For] = c.Err()
		}
	}
	results.skip(t, of, lacks)
	return excluding(of.Tags, impossible...)
}

// where is the kind of host that the environment asks for.
func where(t *testing.T) vm.Where {
	t.Helper()
	where, err := vm.ParseHost(os.Getenv(vm.HostEnv))
	require.NoError(t, err, vm.HostEnv)
	return where
}

// capabilities are what single scenarios need of the machine, and of the kind of host.
func capabilities(t *testing.T, source bundle.Source) []host.Requirement {
	t.Helper()
	address, err := where(t).LXD()
	harnesstest.Lacking(t, err)
	all := append(host.Capabilities(source), host.Privacy(address != ""), host.Entry(address),
		host.Requirement{For: "@requires-other-bundles", Name: "bundles", OK: true, Found: "root makes them"})
	if os.Geteuid() == 0 {
		return all
	}
	for i := range all {
		switch all[i].For {
		case "@requires-debian":
			all[i].OK, all[i].Found, all[i].Mend = false, "bundles of Debian's are root's to make", "run it as root or with sudo"
		case "@requires-tools":
			all[i] = madeByRoot(t, all[i], withTools(source))
		case "@requires-other-bundles":
			all[i] = madeByRoot(t, all[i], withoutNewuidmap(source))
		}
	}
	return all
}

// madeByRoot is a requirement that takes a bundle as well, which only root can make.
func madeByRoot(t *testing.T, r host.Requirement, s bundle.Source) host.Requirement {
	t.Helper()
	if !r.OK {
		return r
	}
	if _, err := bundle.Make(t.Context(), s, nil); err != nil {
		r.OK, r.Found, r.Mend = false, "no bundle "+s.String()+" that root has made", "as root, nestbed up --depth 1 --bundle "+s.String()
	}
	return r
}

func withTools(s bundle.Source) bundle.Source {
	s.Tools = true
	return s
}

// TestTagsAreOfAClosedList finds a tag that is mistyped: its scenario would run where it cannot, or never.
func TestTagsAreOfAClosedList(t *testing.T) {
	known := []string{steps.Slow, steps.Moving, steps.KnownBug, steps.Core, steps.Exclusive, steps.Versions}
	for _, c := range capabilities(t, bundle.Source{Kind: bundle.Installed}) {
		known = append(known, c.For)
	}
	read, err := godog.TestSuite{Options: &godog.Options{FS: features.FS, Paths: []string{"."}}}.RetrieveFeatures()
	require.NoError(t, err)
	for _, f := range read {
		for _, p := range f.Pickles {
			for _, tag := range p.Tags {
				assert.Contains(t, known, tag.Name, "%s: %s", f.Uri, p.Name)
			}
		}
	}
}

func countScenario(sc *godog.ScenarioContext, run *atomic.Int32) {
	sc.Before(func(ctx context.Context, _ *godog.Scenario) (context.Context, error) {
		run.Add(1)
		return ctx, nil
	})
}
