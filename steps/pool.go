package steps

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/host/start"
	"nestbed/harness/idmap"
	"nestbed/harness/report"
)

// order is a chain that the Givens ask for, and the host that it is built on.
type order struct {
	host start.Config
	spec harness.Spec
}

// order is what the Givens of the scenario ask for, in whatever order they stand: a
// chain, and over it what is said of single levels. A description of a level that is not built is a mistake.
func (s *scenario) order() (order, error) {
	spec := s.spec
	spec.Levels = slices.Clone(s.spec.Levels)
	spec.LXCFS, spec.Hooks = s.lxcfs, s.faults
	for index, described := range s.described {
		if index > len(spec.Levels) {
			return order{}, fmt.Errorf("level %d is described, but the chain has depth %d", index, len(spec.Levels))
		}
		l := *described
		if l.Delegation == nil {
			l.Delegation = spec.Levels[index-1].Delegation
		}
		spec.Levels[index-1] = l
	}
	for i := range spec.Levels {
		if spec.Levels[i].Bundle == nil {
			spec.Levels[i].Bundle = s.levelBundle
		}
	}
	if s.pool.LXD.Address != "" && s.bundle != s.pool.Default {
		return order{}, fmt.Errorf("a host with the bundle %s: LXD at %s: %w", s.bundle, s.pool.LXD.Address, host.ErrNotOurs)
	}
	o := order{host: start.Config{
		Config: private.Config{StateRoot: private.StateRoot{Dir: s.pool.settings.State}, Delegation: s.allocation, Bundle: s.bundle, SharePIDs: s.sharePIDs, Disk: s.disk},
		LXD:    s.pool.LXD, Pool: s.pool.StoragePool, Cluster: s.pool.Cluster,
	}, spec: spec}
	s.storage.apply(&o)
	if !s.onDisk {
		o.host.InMemory = len(spec.Levels)
	}
	return o, nil
}

// build starts the host and builds the chain on it, as far as it comes up. The
// host is there with an error, too, to be closed.
func (o order) build(ctx context.Context) (host.Host, *harness.Chain, error) {
	h, err := start.Start(ctx, o.host)
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

// key is the same for orders of the same chain: it has whatever can be asked for.
func (o order) key() string {
	key, err := json.Marshal(struct {
		Host start.Config
		Spec harness.Spec
	}{o.host, o.spec})
	if err != nil {
		panic(err) // both are plain data
	}
	return string(key)
}

// pool holds the chains that scenarios share: those that only look at what a
// Given describes. It is for scenarios that run at the same time.
type pool struct {
	// Default has newuidmap and newgidmap; NoShadow is the same without, Tools
	// the same with what some scenarios run. Tools is nil where this machine lacks them.
	Default, NoShadow, Tools *bundle.Bundle
	// LXD is an existing LXD, of which hosts are projects; without an address hosts are private. StoragePool is a storage pool of that LXD for
	// the hosts; "": each host makes one.
	LXD         existing.LXD
	StoragePool string
	// Cluster, if that LXD is in one, places hosts on its members.
	Cluster *existing.Cluster
	// Versions are the bundles that scenarios have names for: "the old version", "the new version".
	Versions map[string]bundle.Source
	// Mutate is with how many wrong values each Then is run first, at most; it must fail with each.
	Mutate int
	// Progress, if set, is told what takes long: that a bundle is made.
	Progress func(string)
	// Turns limits how many scenarios run at a time, and lets exclusive ones run alone.
	Turns *Turns
	// Record, if set, is told what each scenario came to, with the number that the scenario has among all.
	Record func(id string, s report.Scenario)

	steps    []Step // of the suite, beside the vocabulary
	settings environment.Settings
	pkg      string // that go test runs a failed scenario of again

	made     made
	mu       sync.Mutex
	patterns []*regexp.Regexp // of the steps that change the chain
	shared   map[string]*shared
}

type shared struct {
	once    sync.Once
	host    host.Host
	chain   *harness.Chain
	outcome idmap.Plan
	err     error
}

// get gives the shared chain of an order, built at its first use, and what came up then; it is whole and as planned.
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
	// Not under the lock: other chains are built meanwhile. It outlives the scenario that comes first.
	entry.once.Do(func() { entry.err = entry.build(context.WithoutCancel(ctx), o) })
	return entry.host, entry.chain, entry.outcome, entry.err
}

func (e *shared) build(ctx context.Context, o order) (err error) {
	if e.host, e.chain, err = o.build(ctx); err != nil {
		return err
	}
	if e.chain.Stop != nil {
		return fmt.Errorf("the chain of the Given is not up: %w", e.chain.Stop)
	}
	if e.outcome, err = e.chain.Outcome(ctx); err != nil {
		return err
	}
	return harness.Contradiction(e.chain.Plan, e.outcome)
}

// Close closes the shared chains and their hosts; an error tells what is left of them, too.
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

// closeAll closes a chain with its host, and fails if that leaves something. A kept host is only let go of.
func closeAll(ctx context.Context, h host.Host, chain *harness.Chain) error {
	if h == nil {
		return nil
	}
	// The host first: that ends the chain at a stroke. The chain then only lets go of its descriptors.
	errs := []error{h.Close(ctx), chain.Close(ctx)}
	if left := host.Left(h); len(left) > 0 && !host.Kept(h) {
		errs = append(errs, fmt.Errorf("host %s was closed, but left %q", h.Name(), left))
	}
	return errors.Join(errs...)
}
