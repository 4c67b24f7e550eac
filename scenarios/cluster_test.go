package scenarios_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
	"nestbed/harness/reach"
	"nestbed/harness/report"
)

// A cluster is an LXD cluster of three private hosts, each with its own allocation and address.
type cluster struct {
	members []*private.Host
	bundle  *bundle.Bundle
	hub     string // the pid of a process in the network namespace that connects them
}

func memberName(i int) string    { return fmt.Sprint("m", i+1) }
func memberAddress(i int) string { return fmt.Sprint("10.65.0.", i+1) }

// addressOfHub is the client's address when it reaches the members over https.
const addressOfHub = "10.65.0.100"

// allocationOf returns the allocation of a member, with room for several chains.
func allocationOf(i int) idmap.Allocation {
	return idmap.Allocation{Owner: idmap.Root, Start: uint32(1000000 + i*40*idmap.Block), Count: 40 * idmap.Block}
}

// clusterSize is the smallest number of members of which a majority is left when one goes down.
const clusterSize = 3

// newCluster makes a cluster. A bridge in another network namespace connects its members. If disk
// is given, the last member has its own disk of that many bytes.
func newCluster(t testing.TB, disk ...int64) *cluster {
	t.Helper()
	c := &cluster{bundle: harnesstest.Bundle(t, harnesstest.Source(t))}
	harnesstest.SkipIfMissing(t, reach.FindRelay(harnesstest.Context(t), harnesstest.Store(t)))
	hub := ownNetwork()
	if hub == "" {
		hub = networkNamespace(t)
	}
	c.hub = hub
	inNetwork(t, hub, "ip", "link", "add", "hub", "type", "bridge")
	inNetwork(t, hub, "ip", "link", "set", "hub", "up")
	inNetwork(t, hub, "ip", "address", "add", addressOfHub+"/24", "dev", "hub")
	for i := range clusterSize {
		config := private.Config{StateRoot: stateRoot(), Delegation: idmap.Delegate(allocationOf(i)), Bundle: c.bundle, SharePIDs: true, InMemory: 2}
		if i == clusterSize-1 && len(disk) > 0 {
			config.Disk = disk[0]
		}
		m, err := private.Start(harnesstest.Context(t), config)
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, m.Close(context.WithoutCancel(harnesstest.Context(t)))) })
		c.members = append(c.members, m)
		there, port := fmt.Sprint(m.Pid()), fmt.Sprint("port", i)
		inNetwork(t, hub, "ip", "link", "add", port, "master", "hub", "type", "veth", "peer", "name", "wire", "netns", there)
		inNetwork(t, hub, "ip", "link", "set", port, "up")
		inNetwork(t, there, "ip", "address", "add", memberAddress(i)+"/24", "dev", "wire")
		inNetwork(t, there, "ip", "link", "set", "wire", "up")
		inNetwork(t, there, "ip", "link", "set", "lo", "up")
		c.join(t, i)
	}
	return c
}

// join makes a host the first member of the cluster, or a further one.
func (c *cluster) join(t testing.TB, i int) {
	t.Helper()
	own := c.members[i].LXD()
	order := api.ClusterPut{Cluster: api.Cluster{Enabled: true, ServerName: memberName(i)}}
	address := memberAddress(i) + ":8443"
	if i == 0 {
		server, etag, err := own.GetServer()
		require.NoError(t, err)
		config := server.Writable()
		config.Config["core.https_address"] = address
		require.NoError(t, own.UpdateServer(config, etag))
	} else {
		first := c.members[0].LXD()
		op, err := first.CreateClusterMember(api.ClusterMembersPost{ServerName: memberName(i)})
		require.NoError(t, err)
		made := op.Get()
		token, err := made.ToClusterJoinToken()
		require.NoError(t, err)
		server, _, err := first.GetServer()
		require.NoError(t, err)
		order.ClusterPassword, order.ClusterCertificate = token.String(), server.Environment.Certificate
		order.ClusterAddress, order.ServerAddress = memberAddress(0)+":8443", address
	}
	op, err := own.UpdateCluster(order, "")
	require.NoError(t, harnesstest.Await(harnesstest.Context(t), own, op, err))
}

// socket returns the path of a member's Unix socket on this machine.
func (c *cluster) socket(i int) string {
	return c.members[i].Socket()
}

func TestChainsAreSpreadOverTheMembersOfACluster(t *testing.T) {
	parallel(t, 3)
	c := newCluster(t)
	before := serverState(t, c.members[0].LXD())
	members, err := existing.OpenCluster(harnesstest.Context(t), existing.LXD{Address: c.socket(1)}, "")
	require.NoError(t, err)
	require.NotNil(t, members)
	hosts := make([]host.Host, len(c.members))
	var all errgroup.Group
	for i := range hosts {
		all.Go(func() (err error) {
			hosts[i], err = existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: c.bundle, LXD: existing.LXD{Address: c.socket(1)}, Cluster: members})
			return err
		})
	}
	require.NoError(t, all.Wait())
	used := map[string]bool{}
	for _, h := range hosts {
		used[host.Member(h)] = true
		chain := harnesstest.Build(t, h, harness.Cascade(3))
		outcome := harnesstest.AsPlanned(t, chain)
		for i := range c.members {
			if memberName(i) == host.Member(h) {
				start := outcome.Levels[0].Map.UID[0].Parent
				assert.Truef(t, start >= allocationOf(i).Start && start < allocationOf(i).Start+allocationOf(i).Count,
					"%s: level 1 starts at %d, which is not in %s", host.Member(h), start, allocationOf(i))
			}
		}
		t.Logf("%s: depth 3 in %s", host.Member(h), chain.Levels[0].Took+chain.Levels[1].Took+chain.Levels[2].Took)
	}
	assert.Len(t, used, 3, "each member has a chain")
	for _, h := range hosts {
		require.NoError(t, h.Close(harnesstest.Context(t)))
	}
	require.NoError(t, members.Close(harnesstest.Context(t)))
	assert.Equal(t, before, serverState(t, c.members[0].LXD()), "the cluster is as before")
}

func TestScenariosOnTheMembersOfACluster(t *testing.T) {
	parallel(t, 3)
	c := newCluster(t)
	before := serverState(t, c.members[0].LXD())
	reports := t.TempDir()
	run := testCommand(t, threeCoreScenarios, "-test.v", "-godog.format=progress", "-godog.tags=@core", "-concurrency=3")
	run.Env = append(run.Env, "NESTBED_HOST=system:"+c.socket(0), environment.Reports+"="+reports)
	out, err := run.CombinedOutput()
	require.NoError(t, err, string(out))
	t.Log(string(out))
	c.requireAllMembersUsed(t, reports)
	assert.Equal(t, before, serverState(t, c.members[0].LXD()), "the cluster is as before")
}

// requireAllMembersUsed requires that a run had scenarios on all members.
func (c *cluster) requireAllMembersUsed(t *testing.T, reports string) {
	t.Helper()
	members := map[string]int{}
	for _, s := range executedScenarios(t, reports, c.bundle) {
		members[s.Member]++
	}
	t.Log(members)
	for i := range c.members {
		assert.NotZero(t, members[memberName(i)], memberName(i))
	}
}

// executedScenarios returns the scenarios of a run that were not skipped.
func executedScenarios(t *testing.T, reports string, b *bundle.Bundle) (ran []report.Scenario) {
	t.Helper()
	run, err := report.LoadRun(filepath.Join(reports, report.Directory(b)))
	require.NoError(t, err)
	for _, s := range run.Scenarios {
		if s.Status != report.Skipped {
			ran = append(ran, s)
		}
	}
	require.NotEmpty(t, ran)
	return ran
}
