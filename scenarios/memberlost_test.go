package scenarios_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"testing"
	"time"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/environment"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/idmap"
	"nestbed/harness/report"
	"nestbed/harness/wait"
)

// last is the index of the member that the tests close, evacuate, or fill up.
const last = clusterSize - 1

func TestAMemberThatGoesDownFailsOnlyTheScenariosOnIt(t *testing.T) {
	parallel(t, 1) // it mostly waits for LXD to notice
	c := newCluster(t)
	first := c.members[0].LXD()
	reports := t.TempDir()
	run := testCommand(t, "-test.run=^TestFeatures$", "-test.v", "-godog.format=progress", "-godog.paths=depth.feature", "-godog.tags=@core", "-concurrency=3")
	run.Env = append(run.Env, "NESTBED_HOST=system:"+c.socket(0), environment.Reports+"="+reports, environment.Artifacts+"="+t.TempDir())
	var out bytes.Buffer
	run.Stdout, run.Stderr = &out, &out
	require.NoError(t, run.Start())
	ended := make(chan error, 1)
	go func() { ended <- run.Wait() }()
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for a chain on the last member", time.Minute, func(context.Context) error {
		select {
		case err := <-ended:
			return wait.Final(fmt.Errorf("the run has ended: %w: %s", err, out.String()))
		default:
		}
		all, err := first.GetInstancesAllProjects(api.InstanceTypeContainer)
		if err != nil {
			return err
		}
		for _, i := range all {
			if i.Location == memberName(last) && i.StatusCode == api.Running {
				return nil
			}
		}
		return errors.New("there is none")
	}))
	require.NoError(t, c.members[last].Close(harnesstest.Context(t)))
	require.Error(t, <-ended, out.String())
	t.Log(out.String())

	status := map[report.Status]int{}
	for _, s := range executedScenarios(t, reports, c.bundle) {
		status[s.Status]++
		if s.Status == report.Failed {
			assert.Contains(t, s.Error, "member down: member "+memberName(last)+" is down: ", s.Name)
			if s.Member != memberName(last) {
				assert.Contains(t, s.Error, "syncing image", "another member was copying its image to it: %s", s.Name)
			}
		}
	}
	assert.NotZero(t, status[report.Failed], "scenarios on the member that went down")
	assert.NotZero(t, status[report.Passed], "scenarios on the other members")
	// Only containers on the member that is down may be left: they cannot be removed.
	projects, err := first.GetProjectNames()
	require.NoError(t, err)
	for _, name := range projects {
		if name != api.ProjectDefaultName {
			assert.Contains(t, out.String(), name, "the run lists the project as left")
		}
	}
	all, err := first.GetInstancesAllProjects(api.InstanceTypeContainer)
	require.NoError(t, err)
	for _, i := range all {
		assert.Equal(t, memberName(last), i.Location, i.Name)
	}
}

func TestAnImageThatCannotBeCopiedToAMemberStopsTheBuildForThatMember(t *testing.T) {
	parallel(t, 1) // it mostly waits for LXD to notice
	c := newCluster(t)
	h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: c.bundle, LXD: existing.LXD{Address: c.socket(0)}, Members: []string{memberName(0)}})
	require.NoError(t, err)
	t.Cleanup(func() { _ = h.Close(context.WithoutCancel(harnesstest.Context(t))) }) // may fail, because a member is down
	require.NoError(t, c.members[last].Close(harnesstest.Context(t)))                // still online for LXD for 20 s (cluster.offline_threshold)
	chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(1))
	t.Cleanup(func() { _ = chain.Close(context.WithoutCancel(harnesstest.Context(t))) })
	var stopped *harness.LevelError
	require.ErrorAs(t, err, &stopped)
	assert.Equal(t, idmap.Stop{Level: 1, Op: idmap.OpImport, Reason: idmap.MemberDown}, stopped.Stop, "%v", err)
	require.ErrorContains(t, err, "member "+memberName(last)+" is down: ")
}

// setLast evacuates the last member, or restores it.
func (c *cluster) setLast(t *testing.T, action string) {
	t.Helper()
	op, err := c.members[0].LXD().UpdateClusterMemberState(memberName(last), api.ClusterMemberStatePost{Action: action})
	require.NoError(t, harnesstest.Await(harnesstest.Context(t), c.members[0].LXD(), op, err))
}

func TestAMemberThatIsEvacuatedStopsTheBuildOnItAndGetsNoChain(t *testing.T) {
	parallel(t, 2)
	c := newCluster(t)
	before := serverState(t, c.members[0].LXD())
	h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: c.bundle, LXD: existing.LXD{Address: c.socket(0)}, Members: []string{memberName(last)}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	require.NoError(t, h.MemberDown(harnesstest.Context(t)))
	spec := harness.Cascade(2)
	spec.OnLevel = func(*harness.Level) { c.setLast(t, "evacuate") } // and so level 1 stops
	chain, err := harness.Build(harnesstest.Context(t), h, spec)
	t.Cleanup(func() { assert.NoError(t, chain.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	var stopped *harness.LevelError
	require.ErrorAs(t, err, &stopped)
	assert.Equal(t, idmap.MemberDown, stopped.Reason, "%v", err)
	require.ErrorContains(t, err, "m3 is evacuated")
	require.NoError(t, h.Close(harnesstest.Context(t)))

	on := func(names ...string) (string, error) {
		h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: c.bundle, LXD: existing.LXD{Address: c.socket(0)}, Members: names})
		if err != nil {
			return "", err
		}
		require.NoError(t, h.Close(harnesstest.Context(t)))
		return host.Member(h), nil
	}
	_, err = on(memberName(last))
	require.ErrorContains(t, err, "no member accepts instances: m3 is evacuated")
	got, err := on(memberName(last), memberName(0))
	require.NoError(t, err)
	assert.Equal(t, memberName(0), got)
	c.setLast(t, "restore")
	got, err = on(memberName(last))
	require.NoError(t, err)
	assert.Equal(t, memberName(last), got)
	assert.Equal(t, before, serverState(t, c.members[0].LXD()), "the cluster is as before")
}

// The member that nestbed is connected to forwards requests to the others. If the connection to it
// is lost, nestbed must not conclude that the other members are down.
func TestALostConnectionMarksNoMemberOfAClusterAsDown(t *testing.T) {
	if !inNewProcess(t, 2) {
		return
	}
	_, err := exec.LookPath("busybox")
	harnesstest.SkipIfMissing(t, err)
	c := newCluster(t)
	p := newProxy(t, c.hub, memberAddress(0))
	target := trustThrough(t, c.members[0].LXD(), p)
	before := serverState(t, c.members[0].LXD())
	members, err := existing.OpenCluster(harnesstest.Context(t), target, "", memberName(last))
	require.NoError(t, err)
	place := func() error {
		h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: c.bundle, LXD: target, Cluster: members})
		if err != nil {
			return err
		}
		return h.Close(harnesstest.Context(t))
	}
	p.arm(0, 0)
	require.NoError(t, place())
	all, lost := p.count(), 0
	for i := range 2 * *losses { // close enough that one falls into the creation of the project
		n := 6 + i*all/(4**losses) // 6: the first write at which there is a member to ask about
		p.arm(n, 5)
		err := place()
		t.Logf("lost at write %d of %d: %v", n, all, err)
		if err != nil {
			lost++
		}
		p.arm(0, 0)
		require.NoError(t, place(), "after the connection was lost at write %d of %d", n, all)
	}
	assert.NotZero(t, lost, "hosts that failed to start")
	require.NoError(t, members.Close(harnesstest.Context(t)))
	assert.Equal(t, before, serverState(t, c.members[0].LXD()), "the cluster is as before")
}

// LXD copies every image to three members, used or not, unless cluster.images_minimal_replica is
// lower.
func TestAFullDiskOfOneMemberStopsOnlyBuildsThatWriteToIt(t *testing.T) {
	parallel(t, 3)
	c := newCluster(t, 600<<20)
	first := c.members[0].LXD()
	configure := func(key, value string) {
		server, etag, err := first.GetServer()
		require.NoError(t, err)
		config := server.Writable()
		config.Config[key] = value
		require.NoError(t, first.UpdateServer(config, etag))
	}
	// A member with a full disk writes no heartbeat, and would count as offline before the test
	// ends.
	configure("cluster.offline_threshold", "3600")
	before := serverState(t, first)
	members, err := existing.OpenCluster(harnesstest.Context(t), existing.LXD{Address: c.socket(0)}, "")
	require.NoError(t, err)
	require.NoError(t, host.FillDisk(c.members[last]))
	build := func() (seen map[string]string) {
		seen = map[string]string{}
		var hosts []host.Host
		for range clusterSize {
			h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: c.bundle, LXD: existing.LXD{Address: c.socket(0)}, Cluster: members})
			if err != nil {
				t.Log(err)
				seen["no host"] = err.Error()
				continue
			}
			hosts = append(hosts, h)
			chain, err := harness.Build(harnesstest.Context(t), h, harness.Cascade(2))
			t.Cleanup(func() { assert.NoError(t, chain.Close(context.WithoutCancel(harnesstest.Context(t)))) })
			if stopped := chain.Stop; stopped != nil {
				t.Log(host.Member(h), err)
				seen[host.Member(h)] = fmt.Sprint(&stopped.Stop)
				continue
			}
			require.NoError(t, err, host.Member(h))
			harnesstest.AsPlanned(t, chain)
			seen[host.Member(h)] = "up"
		}
		for _, h := range hosts {
			require.NoError(t, h.Close(harnesstest.Context(t)))
		}
		return seen
	}
	const full = "no space left on device"
	seen := build()
	assert.Contains(t, seen["no host"], full, memberName(last))
	delete(seen, "no host")
	assert.Equal(t, map[string]string{memberName(0): "level 1, import: disk full", memberName(1): "level 1, import: disk full"}, seen)

	configure("cluster.images_minimal_replica", "1")
	seen = build()
	assert.Contains(t, seen["no host"], full, memberName(last))
	delete(seen, "no host")
	assert.Equal(t, map[string]string{memberName(0): "up", memberName(1): "up"}, seen)
	require.NoError(t, members.Close(harnesstest.Context(t)))
	assert.Equal(t, before, serverState(t, first), "the cluster is as before, although the disk is still full")
}
