package scenarios_test

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/reach"
)

var reachDepths = flag.String("bench.reach", "3,8,16", "depths of BenchmarkReach, separated by commas")

// BenchmarkReach builds chains whose levels are reached through /proc, and the same chains through
// LXD exec, and reports the ratio of the times.
func BenchmarkReach(b *testing.B) {
	harnesstest.SkipIfMissing(b, reach.FindRelay(harnesstest.Context(b), harnesstest.Store(b)))
	bun := harnesstest.Bundle(b, harnesstest.Source(b))
	for _, depth := range depthsIn(b, "bench.reach", *reachDepths) {
		b.Run(fmt.Sprintf("depth=%d", depth), func(b *testing.B) {
			var direct, tunneled time.Duration
			for b.Loop() {
				direct += measureReach(b, bun, depth, false)
				tunneled += measureReach(b, bun, depth, true)
			}
			b.ReportMetric(0, "ns/op") // the sum of both means nothing
			b.ReportMetric(direct.Seconds()/float64(b.N), "s-proc")
			b.ReportMetric(tunneled.Seconds()/float64(b.N), "s-exec")
			b.ReportMetric(tunneled.Seconds()/direct.Seconds(), "exec/proc")
		})
	}
}

// measureReach returns how long it takes to build and verify a chain on a running host.
func measureReach(b *testing.B, bun *bundle.Bundle, depth int, tunneled bool) time.Duration {
	b.Helper()
	c := hostConfig(b, bun, depth, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: idmap.Needed(depth)}))
	c.ViaExec = tunneled
	h, err := private.Start(harnesstest.Context(b), c)
	require.NoError(b, err)
	defer func() { require.NoError(b, h.Close(context.WithoutCancel(harnesstest.Context(b)))) }()
	began := time.Now()
	chain, err := harness.Build(harnesstest.Context(b), h, harness.Cascade(depth))
	require.NoError(b, err)
	outcome, err := chain.Outcome(harnesstest.Context(b))
	require.NoError(b, err)
	took := time.Since(began)
	require.NoError(b, harness.Contradiction(chain.Plan, outcome))
	for _, l := range chain.Levels {
		require.Equal(b, tunneled, l.Root().Tunneled())
	}
	require.NoError(b, h.Close(harnesstest.Context(b)))
	require.NoError(b, chain.Close(harnesstest.Context(b))) // closes the descriptors
	return took
}
