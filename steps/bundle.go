package steps

import (
	"context"
	"sync"

	"github.com/cucumber/godog"

	"nestbed/harness/bundle"
)

var bundleSteps = []step{
	{
		Given, `^the levels run the bundles$`,
		"Sets the bundle of each listed level. Level 0 is the host; other levels run what the host runs. " +
			"\"The old version\" and \"the new version\" are the two versions that the run compares.",
		func(s *scenario) any { return s.levelsRun }, shares,
	},
}

func (s *scenario) levelsRun(ctx context.Context, table *godog.Table) error {
	rows, err := readTable(table, "level", "bundle")
	if err != nil {
		return err
	}
	for _, row := range rows {
		b, err := s.pool.named(ctx, row["bundle"])
		if err != nil {
			return err
		}
		if row["level"] == "0" {
			s.bundle = b
			continue
		}
		l, err := s.describe(row["level"])
		if err != nil {
			return err
		}
		l.Bundle = b
	}
	return nil
}

// bundleCache holds the bundles that scenarios name, by source. Each is made at its first use.
type bundleCache struct {
	mu     sync.Mutex
	making map[bundle.Source]func() (*bundle.Bundle, error)
}

// named returns the bundle of a source or of a named version.
func (p *pool) named(ctx context.Context, text string) (*bundle.Bundle, error) {
	source, err := p.source(text)
	if err != nil {
		return nil, err
	}
	return p.bundle(ctx, source)
}

// source returns the source of a bundle that a scenario names.
func (p *pool) source(text string) (bundle.Source, error) {
	if source, is := p.Versions[text]; is {
		return source, nil
	}
	return bundle.ParseSource(text)
}

// bundle returns the bundle of a source. It makes the bundle once, even if the first scenario ends
// meanwhile.
func (p *pool) bundle(ctx context.Context, source bundle.Source) (*bundle.Bundle, error) {
	p.bundles.mu.Lock()
	if p.bundles.making == nil {
		p.bundles.making = map[bundle.Source]func() (*bundle.Bundle, error){}
	}
	once := p.bundles.making[source]
	if once == nil {
		once = sync.OnceValues(func() (*bundle.Bundle, error) {
			return p.settings.Store(p.Progress).Make(context.WithoutCancel(ctx), source)
		})
		p.bundles.making[source] = once
	}
	p.bundles.mu.Unlock()
	return once()
}
