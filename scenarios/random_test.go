package scenarios_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
)

var (
	proofs     = flag.Int("random.chains", 25, "number of chains that TestLXDDoesWhatTheModelSays builds")
	randomSeed = flag.Uint64("random.seed", 1, "seed of the random chains; 0: a random seed")
)

// TestLXDDoesWhatTheModelSays builds chains with random allocations, files and configurations, and
// compares the outcome of each with its plan.
func TestLXDDoesWhatTheModelSays(t *testing.T) {
	t.Parallel() // each chain waits for its own turn
	source := harnesstest.Source(t)
	bundles := map[bool]*bundle.Bundle{
		false: harnesstest.Bundle(t, source),
		true:  harnesstest.Bundle(t, withoutNewuidmap(source)),
	}
	seed := *randomSeed
	if seed == 0 {
		seed = rand.Uint64N(1 << 31)
	}
	began := time.Now()
	var mutex sync.Mutex
	ends := map[string]int{}
	t.Cleanup(func() {
		t.Logf("seed %d: %d chains in %.0f s", seed, *proofs, time.Since(began).Seconds())
		for _, end := range slices.Sorted(maps.Keys(ends)) {
			t.Logf("%4d  %s", ends[end], end)
		}
	})
	require.NoError(t, os.MkdirAll(stateRoot().Path(), 0o711))
	idmapped, err := private.MountsIdmapped(stateRoot().Path(), bundles[false])
	require.NoError(t, err)
	gen := genCase(bundles[false], bundles[true], !idmapped)
	for i := range *proofs {
		c := gen.Example(int(seed)*1_000_000 + i)
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			parallel(t, 1)
			outcome, contradiction := c.try(harnesstest.Context(t), t, bundles[c.noShadow])
			mutex.Lock()
			defer mutex.Unlock()
			end := fmt.Sprintf("%d levels up", len(outcome.Levels))
			if outcome.Stop != nil {
				end = outcome.Stop.String()
			}
			ends[end]++
			if contradiction == nil {
				return
			}
			c, contradiction = c.shrink(t, bundles[c.noShadow], contradiction)
			t.Errorf("seed %d, chain %d, simplified: %v\n\n%s", seed, i, contradiction, c.gherkin(bundles[c.noShadow]))
		})
	}
}

// try builds the case on a new host. It returns the outcome, and an error if that contradicts the
// plan.
func (c randomCase) try(ctx context.Context, t *testing.T, b *bundle.Bundle) (idmap.Plan, error) {
	t.Helper()
	h, err := private.Start(ctx, private.Config{StateRoot: stateRoot(), Delegation: c.host, Bundle: b, InMemory: len(c.spec.Levels)})
	require.NoError(t, err)
	chain, err := harness.Build(ctx, h, c.spec)
	defer func() {
		late := context.WithoutCancel(ctx)
		require.NoError(t, errors.Join(h.Close(late), chain.Close(late)))
		require.Empty(t, host.Left(h))
	}()
	var stopped *harness.LevelError
	if err != nil && !errors.As(err, &stopped) {
		require.NoError(t, err)
	}
	outcome, err := chain.Outcome(ctx)
	require.NoError(t, err)
	contradiction := harness.Contradiction(chain.Plan, outcome)
	if contradiction != nil && chain.Stop != nil {
		contradiction = fmt.Errorf("%w\n  LXD said: %w", contradiction, chain.Stop)
	}
	return outcome, contradiction
}

func withoutNewuidmap(s bundle.Source) bundle.Source {
	s.NoShadow = true
	return s
}
