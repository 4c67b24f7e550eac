package scenarios_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/harnesstest"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

func TestAChainOnALXDWithAnotherAllocationThanTheMachines(t *testing.T) {
	l := lendableLXD(t)
	before, first := l.state(t), l.pid(t)
	for allocation, stop := range map[string]int{"root:500000:196608": 0, "root:500000:131072": 2, "root:500000:65535": 1} {
		t.Run(allocation, func(t *testing.T) {
			a, err := idmap.ParseAllocation(allocation)
			require.NoError(t, err)
			h, err := host.System(t.Context(), l.config(t, idmap.Delegate(a)))
			require.NoError(t, err)
			t.Cleanup(func() { assert.NoError(t, h.Close(context.Background())) })
			assert.Len(t, l.covers(t), 2)
			assert.NotEqual(t, first, l.pid(t), "the LXD was started anew")
			assert.Equal(t, idmap.Delegate(a), h.Delegation)
			assert.Zero(t, h.Supply)
			_, err = l.machine.Exec(t.Context(), "sh", "-c", "echo x >>/etc/subuid")
			require.ErrorContains(t, err, "Read-only file system", "who would write into it is told so")
			_, err = l.machine.Exec(t.Context(), "sh", "-c", "cp /etc/subuid /etc/subuid+ && mv /etc/subuid+ /etc/subuid")
			require.ErrorContains(t, err, "busy", "and who would put another in its place")

			chain, err := harness.Build(t.Context(), h, harness.Cascade(3))
			t.Cleanup(func() { assert.NoError(t, chain.Close(context.Background())) })
			if stop > 0 {
				var stopped *harness.LevelError
				require.ErrorAs(t, err, &stopped)
				assert.Equal(t, stop, stopped.Level)
				require.NotNil(t, chain.Plan.Stop)
				assert.Equal(t, chain.Plan.Stop.Reason, stopped.Reason)
			} else {
				require.NoError(t, err)
			}
			outcome := harnesstest.AsPlanned(t, chain)
			if stop != 1 {
				assert.Equal(t, idmap.Mapping{Inside: 0, Parent: a.Start, Count: a.Count}, outcome.Levels[0].Map.UID[0])
			}

			last := l.pid(t)
			require.NoError(t, h.Close(t.Context()))
			assert.NotEqual(t, last, l.pid(t), "the LXD was started anew")
			assert.Equal(t, before, l.state(t))
		})
	}
}

func TestAnAllocationThatIsNotLent(t *testing.T) {
	l := lendableLXD(t)
	b := harnesstest.Bundle(t, harnesstest.Source(t))
	refused := func(t *testing.T, c host.Config, want string) error {
		t.Helper()
		before, pid := l.state(t), l.pid(t)
		h, err := host.System(t.Context(), c)
		assert.Nil(t, h)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, before, l.state(t))
		assert.Equal(t, pid, l.pid(t), "the LXD was not restarted")
		return err
	}
	t.Run("without a file for users", func(t *testing.T) {
		err := refused(t, l.config(t, idmap.Delegation{UID: idmap.File{Missing: true}, GID: article.GID}), "a host without /etc/subuid")
		require.ErrorIs(t, err, host.ErrNotOurs)
	})
	t.Run("without a command that restarts the LXD", func(t *testing.T) {
		c := l.config(t, article)
		c.RestartLXD = ""
		require.Error(t, refused(t, c, "--restart-lxd COMMAND"))
	})
	t.Run("where the machine has no file", func(t *testing.T) {
		_, err := l.machine.Exec(t.Context(), "mv", "/etc/subgid", "/etc/away")
		require.NoError(t, err)
		t.Cleanup(func() {
			_, err := l.machine.Exec(context.Background(), "mv", "/etc/away", "/etc/subgid")
			require.NoError(t, err)
		})
		h, err := host.System(t.Context(), l.config(t, article))
		assert.Nil(t, h)
		require.ErrorContains(t, err, "/etc/subgid: missing, and nothing can be mounted over it: touch /etc/subgid")
		assert.Empty(t, l.covers(t))
	})
	t.Run("where somebody's container has ids of the machine's", func(t *testing.T) {
		op, err := l.lxd().CreateInstance(api.InstancesPost{
			Name: "somebodys", Type: api.InstanceTypeContainer, Source: api.InstanceSource{Type: "image", Fingerprint: b.Fingerprint},
		})
		require.NoError(t, err)
		require.NoError(t, op.WaitContext(t.Context()))
		t.Cleanup(func() {
			op, err := l.lxd().DeleteInstance("somebodys")
			require.NoError(t, err)
			require.NoError(t, op.Wait())
		})
		require.Error(t, refused(t, l.config(t, article), "somebodys of project default"))
	})
	t.Run("to a second one", func(t *testing.T) {
		h, err := host.System(t.Context(), l.config(t, article))
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, h.Close(context.Background())) })
		require.ErrorIs(t, refused(t, l.config(t, article), fmt.Sprintf("process %d", os.Getpid())), host.ErrBusy)
		plain := host.Config{Delegation: article, Bundle: b, LXD: l.socket}
		require.ErrorIs(t, refused(t, plain, h.Name), host.ErrBusy)
		spec := harness.Cascade(1)
		spec.Levels[0].Config = map[string]string{idmap.KeyPrivileged: "true"}
		_, err = harness.Build(t.Context(), h, spec)
		require.ErrorIs(t, err, host.ErrNotOurs, "a privileged level would be the machine's root")
	})
	t.Run("beside one that has isolated ids", func(t *testing.T) {
		h, err := host.System(t.Context(), host.Config{Delegation: article, Bundle: b, LXD: l.socket})
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, h.Close(context.Background())) })
		require.ErrorIs(t, refused(t, l.config(t, article), h.Name), host.ErrBusy)
	})
}
