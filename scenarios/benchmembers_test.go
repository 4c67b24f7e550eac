package scenarios_test

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"nestbed/harness"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
	"nestbed/harness/simulate"
)

// memberShare is which part of a processor each member of the benchmark's cluster has.
const memberShare = 0.5

// BenchmarkMembers builds chains side by side on one member of a cluster and on all three, over https, all of them with the same share of a processor, and
// gives the ratio.
func BenchmarkMembers(b *testing.B) {
	const chains, depth = 6, 2
	inOwnNetwork(b)
	c := newCluster(b)
	https := c.https(b)
	for _, m := range c.members {
		limitProcessor(b, m, memberShare)
	}
	for b.Loop() {
		one := c.build(b, https, chains, depth, chains, memberName(0))
		all := c.build(b, https, chains, depth, chains)
		b.ReportMetric(one.Seconds(), "s-one")
		b.ReportMetric(all.Seconds(), "s-three")
		b.ReportMetric(one.Seconds()/all.Seconds(), "one/three")
	}
	b.ReportMetric(0, "ns/op")
}

// build builds so many chains, a number of them at a time, on the named members, or all, and gives how long that took.
func (c *cluster) build(t testing.TB, address string, chains, depth, atOnce int, names ...string) time.Duration {
	t.Helper()
	members, err := host.OpenCluster(t.Context(), address, "", names...)
	require.NoError(t, err)
	began := time.Now()
	var all errgroup.Group
	all.SetLimit(atOnce)
	for range chains {
		all.Go(func() error { return c.chain(t, host.Config{LXD: address, Cluster: members}, depth, nil) })
	}
	require.NoError(t, all.Wait())
	took := time.Since(began)
	require.NoError(t, members.Close(t.Context()))
	return took
}

// chain builds a chain on a LXD, and takes it down, when something was done.
func (c *cluster) chain(t testing.TB, on host.Config, depth int, do func()) error {
	t.Helper()
	on.Delegation, on.Bundle = idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: simulate.FirstID, Count: idmap.Needed(depth)}), c.bundle
	h, err := host.System(t.Context(), on)
	if err != nil {
		return err
	}
	chain, err := harness.Build(t.Context(), h, harness.Cascade(depth))
	if err == nil && do != nil {
		do()
	}
	return errors.Join(err, h.Close(t.Context()), chain.Close(t.Context()))
}

// limitProcessor gives a host so much of a processor.
func limitProcessor(t testing.TB, h *host.Host, share float64) {
	t.Helper()
	const period = 100_000 // µs
	quota := strconv.Itoa(int(share * period))
	dir, v2, err := h.Controller("cpu")
	require.NoError(t, err)
	file, value := "cpu.cfs_quota_us", quota
	if v2 {
		file, value = "cpu.max", quota+" "+strconv.Itoa(period)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(value), 0o644))
}
