package scenarios_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/host/existing"
	"nestbed/harness/host/private"
	"nestbed/harness/idmap"
)

// machineAllocation is the allocation of a machine's root, with room for several chains.
var machineAllocation = idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 1000000, Count: 40 * idmap.Block})

// existingLXD starts an LXD that stands for the existing LXD of a machine, in the machine's pid
// namespace, and returns its host and its socket. The LXD has a storage pool and somebody's
// isolated container, whose name is that of level 1.
func existingLXD(t *testing.T, files idmap.Delegation, b *bundle.Bundle) (machine *private.Host, socket string) {
	t.Helper()
	return existingLXDIn(t, files, b, "")
}

// existingLXDIn is like existingLXD, with its state in the given directory.
func existingLXDIn(t *testing.T, files idmap.Delegation, b *bundle.Bundle, stateDir string) (machine *private.Host, socket string) {
	t.Helper()
	machine, err := private.Start(harnesstest.Context(t), private.Config{StateRoot: stateRoot(), Delegation: files, Bundle: b, SharePIDs: true, StateDir: stateDir, InMemory: 4})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, machine.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	fingerprint, err := harness.Prepare(harnesstest.Context(t), machine.LXD(), b)
	require.NoError(t, err)
	op, err := machine.LXD().CreateInstance(api.InstancesPost{
		Name: "c1", Type: api.InstanceTypeContainer, Source: api.InstanceSource{Type: "image", Fingerprint: fingerprint},
		InstancePut: api.InstancePut{Config: map[string]string{idmap.KeyIsolated: "true"}},
	})
	require.NoError(t, harnesstest.Await(harnesstest.Context(t), machine.LXD(), op, err))
	return machine, machine.Socket()
}

// serverState returns everything that an LXD server has, as text.
func serverState(t *testing.T, server lxd.InstanceServer) string {
	t.Helper()
	all := map[string]any{}
	for _, path := range []string{
		"/1.0/projects?recursion=1", "/1.0/storage-pools?recursion=1", "/1.0/instances?recursion=1&all-projects=true",
		"/1.0/images?recursion=1&project=default", "/1.0/profiles?recursion=1&project=default", "/1.0/networks?recursion=1", "/1.0/certificates",
	} {
		answer, _, err := server.RawQuery("GET", path, nil, "")
		require.NoError(t, err, path)
		var list []json.RawMessage
		require.NoError(t, answer.MetadataAsStruct(&list), path)
		// LXD returns certificates in a varying order.
		slices.SortFunc(list, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
		all[path] = list
	}
	text, err := json.MarshalIndent(all, "", " ")
	require.NoError(t, err)
	return string(text)
}

// An existingLXDKind has the subid files and the bundle of an existing LXD.
type existingLXDKind struct {
	files  idmap.Delegation
	bundle bundle.Source
}

// existingLXDKinds returns the kinds of existing LXD to test.
func existingLXDKinds(source bundle.Source) map[string]existingLXDKind {
	return map[string]existingLXDKind{
		"with an allocation of root":       {machineAllocation, source},
		"without subid files, as the snap": {idmap.Delegation{UID: idmap.File{Missing: true}, GID: idmap.File{Missing: true}}, withoutNewuidmap(source)},
	}
}

func TestAChainOnAnExistingLXD(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	for name, c := range existingLXDKinds(source) {
		t.Run(name, func(t *testing.T) {
			machine, socket := existingLXD(t, c.files, harnesstest.Bundle(t, c.bundle))
			before := serverState(t, machine.LXD())

			h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: harnesstest.Bundle(t, source), LXD: existing.LXD{Address: socket}})
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
			chain := harnesstest.Build(t, h, harness.Cascade(3))
			outcome := harnesstest.AsPlanned(t, chain)

			others, _, err := machine.LXD().GetInstance("c1")
			require.NoError(t, err)
			first := outcome.Levels[0].Map.UID[0]
			assert.NotEqual(t, others.Config["volatile.idmap.base"], fmt.Sprint(first.Parent), "somebody's container has other ids")
			assert.Equal(t, uint32(3*idmap.Block), first.Count)

			require.NoError(t, h.Close(harnesstest.Context(t)))
			assert.Equal(t, before, serverState(t, machine.LXD()), "the LXD is as before")
		})
	}
}

func TestTheNextRunRemovesAKilledRunOnAnExistingLXD(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	b := harnesstest.Bundle(t, source)
	machine, socket := existingLXD(t, machineAllocation, b)
	before := serverState(t, machine.LXD())
	name := killInLevel2(t, childOrder{Source: source.String(), Depth: 3, LXD: socket}, 50*time.Millisecond)
	_, _, err := machine.LXD().GetProject(name)
	require.NoError(t, err, "the project is left")

	h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: existing.LXD{Address: socket}})
	require.NoError(t, err)
	_, _, err = machine.LXD().GetProject(name)
	require.True(t, api.StatusErrorCheck(err, 404), "%v", err)
	_, _, err = machine.LXD().GetProject(h.Name())
	require.NoError(t, err)
	other, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: existing.LXD{Address: socket}})
	require.NoError(t, err)
	_, _, err = machine.LXD().GetProject(h.Name())
	require.NoError(t, err, "the project of a live run is left alone")
	require.NoError(t, other.Close(harnesstest.Context(t)))
	require.NoError(t, h.Close(harnesstest.Context(t)))
	assert.Equal(t, before, serverState(t, machine.LXD()))
}

func TestUnsupportedRequestsToAnExistingLXD(t *testing.T) {
	parallel(t, 1)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	machine, socket := existingLXD(t, idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 1000000, Count: 6 * idmap.Block}), b)
	before := serverState(t, machine.LXD())
	for want, c := range map[string]existing.Config{
		"expected 262144 more":      {Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 4 * idmap.Block})},
		"storage pool nosuch":       {Delegation: article, Pool: "nosuch"},
		"level 1 would have no ids": {},
		"fewer than the 65536":      {Delegation: idmap.Delegate(idmap.Allocation{Owner: idmap.Root, Start: 500000, Count: 65535})},
	} {
		c.LXD, c.Bundle = existing.LXD{Address: socket}, b
		h, err := existing.Start(harnesstest.Context(t), c)
		assert.Nil(t, h, want)
		require.ErrorContains(t, err, want)
	}
	h, err := existing.Start(harnesstest.Context(t), existing.Config{Delegation: article, Bundle: b, LXD: existing.LXD{Address: socket}})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, h.Close(context.WithoutCancel(harnesstest.Context(t)))) })
	spec := harness.Cascade(1)
	spec.Levels[0].Config = map[string]string{idmap.KeyPrivileged: "true"}
	_, err = harness.Build(harnesstest.Context(t), h, spec)
	require.ErrorIs(t, err, host.ErrNotOurs)
	for _, do := range []func() error{
		func() error { return host.Keep(h) }, func() error { return host.RestartLXD(harnesstest.Context(t), h) }, func() error { return host.Runs(h, b) },
		func() error { _, err := host.Exec(harnesstest.Context(t), h, "true"); return err },
	} {
		require.ErrorIs(t, do(), host.ErrNotOurs)
	}
	require.NoError(t, h.Close(harnesstest.Context(t)))
	assert.Equal(t, before, serverState(t, machine.LXD()))
}

func TestCoreScenariosOnAnExistingLXD(t *testing.T) {
	parallel(t, 2)
	source := harnesstest.Source(t)
	for name, c := range existingLXDKinds(source) {
		t.Run(name, func(t *testing.T) {
			_, socket := existingLXD(t, c.files, harnesstest.Bundle(t, c.bundle))
			which := "-test.run=^TestFeatures$"
			if c.files.UID.Missing {
				which = threeCoreScenarios
			}
			run := testCommand(t, which, "-test.v", "-godog.format=progress", "-godog.tags=@core", "-concurrency=2")
			run.Env = append(run.Env, "NESTBED_HOST=system:"+socket)
			out, err := run.CombinedOutput()
			require.NoError(t, err, string(out))
			assert.Contains(t, string(out), "scenarios on a real LXD")
		})
	}
}

// This LXD bug is why nestbed itself chooses the ids of level 1. To choose ids for a container,
// LXD 5.0.2 skips that container in the list of used ids, but compares only names, not projects
// (LXD: lxd/instance/drivers/driver_lxc.go, findIdmap).
func TestIsolatedContainersOfOneNameInTwoProjectsGetTheSameIDs(t *testing.T) {
	parallel(t, 1)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	if b.Flavor != idmap.LXD.At("5.0.2") {
		t.Skipf("the bundle has %s; this bug is in LXD 5.0.2", b.Daemon())
	}
	machine, _ := existingLXD(t, machineAllocation, b)
	base := func(project, name string) string {
		server := machine.LXD().UseProject(project)
		op, err := server.CreateInstance(api.InstancesPost{
			Name: name, Type: api.InstanceTypeContainer, Source: api.InstanceSource{Type: "image", Fingerprint: b.Whole.Fingerprint},
			InstancePut: api.InstancePut{Config: map[string]string{idmap.KeyIsolated: "true"}},
		})
		require.NoError(t, harnesstest.Await(harnesstest.Context(t), server, op, err))
		made, _, err := server.GetInstance(name)
		require.NoError(t, err)
		require.NotEmpty(t, made.Config["volatile.idmap.base"])
		return made.Config["volatile.idmap.base"]
	}
	for _, project := range []string{"pa", "pb"} {
		require.NoError(t, machine.LXD().CreateProject(api.ProjectsPost{
			Name: project, ProjectPut: api.ProjectPut{Config: map[string]string{"features.images": "false", "features.profiles": "false"}},
		}))
	}
	first := base("pa", "c1")
	assert.Equal(t, first, base("pb", "c1"), "two containers with the same ids")
	assert.NotEqual(t, first, base("pb", "d1"))
}
