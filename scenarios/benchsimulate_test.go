package scenarios_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/simulate"
)

var (
	benchLabs   = flag.String("bench.labs", "1x1,1x12,2x12,3x12,1x60,3x60", "MEMBERSxCHAINS of BenchmarkSimulate, separated by commas")
	benchAtOnce = flag.Int("bench.atonce", 2, "chains at a time on each member in BenchmarkSimulate")
	benchDepth  = flag.Int("bench.depth", 2, "depth of the chains of BenchmarkSimulate and BenchmarkMemberCost")
)

// newLab starts a cluster and a single LXD host that belongs to no cluster.
func newLab(b *testing.B) (c *cluster, single *private.Host) {
	b.Helper()
	c = newCluster(b)
	ids := idmap.Allocation{Owner: idmap.Root, Start: simulate.FirstID, Count: uint32(simulate.IDs(*benchDepth, *benchAtOnce))}
	single, err := private.Start(harnesstest.Context(b), private.Config{StateRoot: stateRoot(), Delegation: idmap.Delegate(ids), Bundle: c.bundle, SharePIDs: true})
	require.NoError(b, err)
	b.Cleanup(func() { assert.NoError(b, single.Close(context.WithoutCancel(harnesstest.Context(b)))) })
	return c, single
}

// BenchmarkSimulate compares the forecast of nestbed simulate with the real time, memory and disk
// of chains on a single LXD host and on members of a cluster. The members share the machine's
// processors. A CPU quota for each would be no model of a slow machine: it stops a member for part
// of the time, and all others wait for the database meanwhile.
func BenchmarkSimulate(b *testing.B) {
	inOwnNetwork(b)
	c, single := newLab(b)
	https := c.https(b)
	cost, err := simulate.Meter{
		StateRoot: stateRoot(), Bundle: c.bundle, Depth: *benchDepth, AtOnce: simulate.UsualLoads(), Rounds: 5, Progress: func(what string) { b.Log(what) },
	}.Measure(harnesstest.Context(b))
	require.NoError(b, err)
	b.Logf("%+v", cost)
	require.NoError(b, c.chain(b, onSingle(single), *benchDepth, nil), "to warm up, as for the forecast")
	for _, word := range strings.Split(*benchLabs, ",") {
		lab := simulate.Lab{RunnerProcessors: float64(runtime.NumCPU()), AtOnce: *benchAtOnce}
		_, err := fmt.Sscanf(word, "%dx%d", &lab.Members, &lab.Chains)
		require.NoError(b, err, "-bench.labs: expected MEMBERSxCHAINS, such as 3x60")
		require.LessOrEqual(b, lab.Members, clusterSize)
		lab.Processors = float64(runtime.NumCPU()) / float64(lab.Members)
		forecast, err := lab.Forecast(cost)
		require.NoError(b, err)
		b.Run(word, func(b *testing.B) {
			for b.Loop() {
				first := single
				if lab.Members > 1 {
					first = c.members[0]
				}
				peak := watchMemory(b, first)
				took := c.lab(b, https, single, lab)
				b.ReportMetric(peak()/1e6, "MB-real")
				b.ReportMetric(forecast.MemoryMB, "MB-forecast")
				b.ReportMetric(took.Seconds(), "s-real")
				b.ReportMetric(forecast.Seconds, "s-forecast")
				b.ReportMetric(forecast.Seconds/took.Seconds(), "forecast/real")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
	b.Run("disk", func(b *testing.B) {
		for b.Loop() {
			b.ReportMetric(float64(c.diskOf(b))/1e6, "MB-real")
			// The chains are on one member, each with its own image, and no other member has any.
			b.ReportMetric(cost.IdleDiskMB+float64(*benchAtOnce)*(cost.DiskMB+cost.ImageMB), "MB-forecast")
		}
		b.ReportMetric(0, "ns/op")
	})
}

// lab builds the chains of a lab and returns how long that takes.
func (c *cluster) lab(b *testing.B, https existing.LXD, single *private.Host, lab simulate.Lab) time.Duration {
	b.Helper()
	if lab.Members > 1 {
		var names []string
		for i := range lab.Members {
			names = append(names, memberName(i))
		}
		return c.build(b, https, lab.Chains, *benchDepth, lab.Members*lab.AtOnce, names...)
	}
	began := time.Now()
	var all errgroup.Group
	all.SetLimit(lab.AtOnce)
	for range lab.Chains {
		all.Go(func() error { return c.chain(b, onSingle(single), *benchDepth, nil) })
	}
	require.NoError(b, all.Wait())
	return time.Since(began)
}

// build builds chains, atOnce at a time, on the named members, or on all if none is named. It
// returns how long that took.
func (c *cluster) build(b *testing.B, lxd existing.LXD, chains, depth, atOnce int, names ...string) time.Duration {
	b.Helper()
	members, err := existing.OpenCluster(harnesstest.Context(b), lxd, "", names...)
	require.NoError(b, err)
	began := time.Now()
	var all errgroup.Group
	all.SetLimit(atOnce)
	for range chains {
		all.Go(func() error { return c.chain(b, existing.Config{LXD: lxd, Cluster: members}, depth, nil) })
	}
	require.NoError(b, all.Wait())
	took := time.Since(began)
	require.NoError(b, members.Close(harnesstest.Context(b)))
	return took
}

// chain builds a chain, calls do unless it is nil, and removes the chain.
func (c *cluster) chain(b *testing.B, on existing.Config, depth int, do func()) error {
	b.Helper()
	on.Delegation, on.Bundle = idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: simulate.FirstID, Count: idmap.Needed(depth)}), c.bundle
	h, err := existing.Start(harnesstest.Context(b), on)
	if err != nil {
		return err
	}
	chain, err := harness.Build(harnesstest.Context(b), h, harness.Cascade(depth))
	if err == nil && do != nil {
		do()
	}
	return errors.Join(err, h.Close(harnesstest.Context(b)), chain.Close(harnesstest.Context(b)))
}

func onSingle(single *private.Host) existing.Config {
	return existing.Config{LXD: existing.LXD{Address: single.Socket()}, ViaExec: true}
}

// diskOf returns how many bytes the first member has on disk while -bench.atonce chains are up
// there.
func (c *cluster) diskOf(b *testing.B) (held int64) {
	b.Helper()
	members, err := existing.OpenCluster(harnesstest.Context(b), existing.LXD{Address: c.socket(0)}, "", memberName(0))
	require.NoError(b, err)
	up, looked := make(chan struct{}), make(chan struct{})
	all, ctx := errgroup.WithContext(harnesstest.Context(b))
	for range *benchAtOnce {
		all.Go(func() error {
			return c.chain(b, existing.Config{LXD: existing.LXD{Address: c.socket(0)}, Cluster: members}, *benchDepth, func() {
				up <- struct{}{}
				<-looked
			})
		})
	}
	for range *benchAtOnce {
		select {
		case <-up:
		case <-ctx.Done(): // one has failed
		}
	}
	held, err = c.members[0].Disk()
	close(looked)
	require.NoError(b, errors.Join(err, all.Wait(), members.Close(harnesstest.Context(b))))
	return held
}

// BenchmarkMemberCost measures the processor time of chains on a cluster, relative to a single LXD
// host: what their own member uses in addition (own), what each other member uses (other), and
// what the member that nestbed is connected to uses in addition (entry). The constants of nestbed
// simulate come from here.
func BenchmarkMemberCost(b *testing.B) {
	inOwnNetwork(b)
	const chains = 3
	c, single := newLab(b)
	https := c.https(b)
	used := func() (of []float64) {
		for _, m := range append([]*private.Host{single}, c.members...) {
			cpu, err := m.CPU()
			require.NoError(b, err)
			of = append(of, cpu.Seconds()/chains)
		}
		return of
	}
	measure := func(config existing.Config) []float64 {
		require.NoError(b, c.chain(b, config, *benchDepth, nil)) // to warm up
		before := used()
		for range chains {
			require.NoError(b, c.chain(b, config, *benchDepth, nil))
		}
		after := used()
		for i := range after {
			after[i] -= before[i]
		}
		return after
	}
	on := func(member int, lxd existing.LXD) []float64 {
		members, err := existing.OpenCluster(harnesstest.Context(b), lxd, "", memberName(member))
		require.NoError(b, err)
		defer func() { require.NoError(b, members.Close(harnesstest.Context(b))) }()
		return measure(existing.Config{LXD: lxd, Cluster: members})
	}
	for b.Loop() {
		alone := measure(onSingle(single))[0]
		first, second, through := on(0, https), on(1, https), on(1, existing.LXD{Address: c.socket(0)})
		own, other := (first[1]+second[2])/2, (first[2]+first[3]+second[3])/3
		b.ReportMetric(alone, "CPU-s/chain")
		b.ReportMetric(own/alone-1, "own")
		b.ReportMetric(other/alone, "other")
		b.ReportMetric((second[1]-other)/alone, "entry")
		b.ReportMetric((through[1]-other)/alone, "entry-by-socket")
	}
	b.ReportMetric(0, "ns/op")
}
