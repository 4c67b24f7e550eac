package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/cucumber/godog"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
	"nestbed/harness/report"
)

// order describes a chain and the host that it is built on.
type order struct {
	site start.Site // the same for all orders of a run
	host start.Needs
	spec harness.Spec
}

// order returns the chain that the Given steps describe: the chain's own specification, with the
// descriptions of single levels on top. The order of the steps does not matter. It fails if a
// described level is not part of the chain.
func (s *scenario) order() (order, error) {
	spec := s.spec
	spec.Levels = slices.Clone(s.spec.Levels)
	spec.LXCFS, spec.Hooks, spec.Whole = s.lxcfs, s.hooks, s.needs&whole != 0
	for index, described := range s.described {
		if index > len(spec.Levels) {
			return order{}, fmt.Errorf("level %d is described, but the chain has depth %d", index, len(spec.Levels))
		}
		l := *described
		if l.Delegation == nil {
			l.Delegation = spec.Levels[index-1].Delegation
		}
		if len(l.Config) == 0 {
			l.Config = spec.Levels[index-1].Config
		}
		spec.Levels[index-1] = l
	}
	for i := range spec.Levels {
		if spec.Levels[i].Bundle == nil {
			spec.Levels[i].Bundle = s.levelBundle
		}
	}
	if err := s.network.apply(&spec); err != nil {
		return order{}, err
	}
	if !s.pool.site.Private() && s.bundle != s.pool.Default {
		return order{}, fmt.Errorf("bundle %s on LXD at %s: %w", s.bundle, s.pool.site.LXD.Address, host.ErrNotOurs)
	}
	o := order{
		site: s.pool.site, spec: spec,
		host: start.Needs{Delegation: s.allocation, Bundle: s.bundle, SharePIDs: s.sharePIDs, Disk: s.disk},
	}
	s.storage.apply(&o)
	if !s.onDisk {
		o.host.InMemory = len(spec.Levels)
	}
	return o, nil
}

// build starts the host and builds the chain on it, up to where the build stops. It may return a
// host together with an error; the caller must close that host.
func (o order) build(ctx context.Context) (host.Host, *harness.Chain, error) {
	h, err := o.site.Start(ctx, o.host)
	if err != nil {
		return nil, nil, err
	}
	chain, err := harness.Build(ctx, h, o.spec)
	var stopped *harness.LevelError
	if errors.As(err, &stopped) {
		err = nil
	}
	return h, chain, err
}

// key returns a text that is the same for orders of the same chain and host.
func (o order) key() string {
	key, err := json.Marshal(struct {
		Host start.Needs
		Spec harness.Spec
	}{o.host, o.spec})
	if err != nil {
		panic(err) // both are plain data
	}
	return string(key)
}

// pool holds the chains that scenarios share because none of their steps changes them. It is safe
// for concurrent use.
type pool struct {
	// Default has newuidmap and newgidmap, NoShadow has not. Tools is Default with the programs
	// that some scenarios run; it is nil if this machine does not have them.
	Default, NoShadow, Tools *bundle.Bundle
	// Versions are the named bundles: "the old version", "the new version".
	Versions map[string]bundle.Source
	// Mutate is the maximum number of wrong values with which each Then step is run first. It must
	// fail with each.
	Mutate int
	// Progress, if not nil, receives messages about slow work, such as making a bundle.
	Progress func(string)
	// Turns limits the number of concurrent scenarios, and lets exclusive ones run alone.
	Turns *Turns
	// Selects, if not nil, reports whether a scenario is part of the run.
	Selects func(*godog.Scenario) bool
	// Begins, if not nil, is called with the name of each scenario that has got its turn.
	Begins func(name string)
	// Record, if not nil, receives the result of each scenario, with the scenario's id.
	Record func(id string, s report.Scenario)

	site     start.Site // of all hosts
	steps    []Step     // of the suite, in addition to the vocabulary
	settings environment.Settings
	pkg      string // the package for go test, to run a failed scenario again
	program  string // the command for that, if pkg is empty
	watched  bool   // whether the suite has a Watcher

	bundles bundleCache
	mu      sync.Mutex
	needs   []needing // of the steps that need something of the chain
	shared  map[string]*shared
}

type shared struct {
	once    sync.Once
	host    host.Host
	chain   *harness.Chain
	outcome idmap.Plan
	err     error
}

// selects reports whether a scenario is part of the run.
func (p *pool) selects(sc *godog.Scenario) bool { return p.Selects == nil || p.Selects(sc) }

// get returns the shared chain of an order and its outcome. It builds the chain at its first use,
// and fails unless the chain is complete and as planned.
func (p *pool) get(ctx context.Context, o order) (host.Host, *harness.Chain, idmap.Plan, error) {
	p.mu.Lock()
	entry := p.shared[o.key()]
	if entry == nil {
		if p.shared == nil {
			p.shared = map[string]*shared{}
		}
		entry = &shared{}
		p.shared[o.key()] = entry
	}
	p.mu.Unlock()
	// Not under the lock, so that other chains can be built meanwhile. The chain outlives the
	// first scenario that uses it.
	entry.once.Do(func() { entry.err = entry.build(context.WithoutCancel(ctx), o) })
	return entry.host, entry.chain, entry.outcome, entry.err
}

func (e *shared) build(ctx context.Context, o order) (err error) {
	if e.host, e.chain, err = o.build(ctx); err != nil {
		return err
	}
	if e.chain.Stop != nil {
		return fmt.Errorf("chain of the Given step: not up: %w", e.chain.Stop)
	}
	if e.outcome, err = e.chain.Outcome(ctx); err != nil {
		return err
	}
	return harness.Contradiction(e.chain.Plan, e.outcome)
}

// Close closes the shared chains and their hosts. It also fails if they leave anything on the
// machine.
func (p *pool) Close(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, e := range p.shared {
		errs = append(errs, closeAll(ctx, e.host, e.chain))
	}
	p.shared = nil
	return errors.Join(errs...)
}

// closeAll closes a chain and its host. It fails if they leave anything on the machine, unless the
// host is kept.
func closeAll(ctx context.Context, h host.Host, chain *harness.Chain) error {
	if h == nil {
		return nil
	}
	// The host first: that ends the whole chain at once. The chain then only closes its
	// descriptors.
	errs := []error{h.Close(ctx), chain.Close(ctx)}
	if left := host.Left(h); len(left) > 0 && !host.Kept(h) {
		errs = append(errs, fmt.Errorf("close host %s: still left: %q", h.Name(), left))
	}
	return errors.Join(errs...)
}
