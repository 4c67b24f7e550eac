package scenarios_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	lxd "github.com/canonical/lxd/client"
	"github.com/canonical/lxd/shared/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"nestbed/harness"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/wait"
)

// A machine holds what must not change when a chain is built: files of the machine and the
// containers of its own LXD.
type machine struct {
	Files     map[string]string
	Instances []instance
}

type instance struct {
	Name, Status string
	Pid          int64
	Config       map[string]string
	Devices      map[string]map[string]string
	Created      time.Time
}

func readMachine(t *testing.T, server lxd.InstanceServer) machine {
	t.Helper()
	m := machine{Files: map[string]string{}}
	for _, path := range []string{"/etc/subuid", "/etc/subgid", "/etc/hosts", "/proc/sys/net/ipv4/ip_forward"} {
		text, err := os.ReadFile(path)
		if !errors.Is(err, os.ErrNotExist) {
			require.NoError(t, err)
		}
		m.Files[path] = string(text)
	}
	all, err := server.GetInstancesFull(api.InstanceTypeAny)
	require.NoError(t, err)
	for _, i := range all {
		m.Instances = append(m.Instances, instance{
			Name: i.Name, Status: i.State.Status, Pid: i.State.Pid, Config: i.ExpandedConfig, Devices: i.ExpandedDevices, Created: i.CreatedAt,
		})
	}
	return m
}

func TestTheMachinesOwnFilesAndLXDAreNotTouched(t *testing.T) {
	parallel(t, 1)
	source := harnesstest.Source(t)
	if source.Kind != bundle.Installed {
		t.Skip("needs the bundle installed, because it runs the machine's LXD a second time")
	}
	// An LXD in the machine's own network, pid and cgroup namespaces, with a container that has
	// the name of our level 1.
	own := machinesLXD(t)
	runContainer(t, own, harnesstest.Bundle(t, source), "c1")
	before := readMachine(t, own)
	require.Len(t, before.Instances, 1)
	require.Equal(t, "Running", before.Instances[0].Status)

	h := harnesstest.Host(t, article)
	harnesstest.Build(t, h, harness.Cascade(3))
	assert.Equal(t, before, readMachine(t, own), "while a chain runs")
	require.NoError(t, h.Close(harnesstest.Context(t)))
	assert.Equal(t, before, readMachine(t, own), "after it was closed")
}

// machinesLXD starts the machine's LXD with another state directory, in the machine's namespaces.
// Only its mount namespace is new, so that no mount is left if the test is killed.
func machinesLXD(t *testing.T) lxd.InstanceServer {
	t.Helper()
	dir, err := os.MkdirTemp("/var/lib", "lxd-of-the-machine-") //nolint:usetesting // a socket's path must be short, and containers must be able to reach it
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o711))

	forgetTraces(t)
	daemon := exec.Command("lxd", "--logfile", filepath.Join(dir, "lxd.log"))
	daemon.Env = append(os.Environ(), "LXD_DIR="+dir)
	daemon.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNS}
	require.NoError(t, guarded(daemon).Start())
	t.Cleanup(func() {
		assert.NoError(t, daemon.Process.Signal(unix.SIGPWR)) // LXD stops its containers, then itself
		_ = daemon.Wait()                                     // the status after a signal means nothing
	})
	var server lxd.InstanceServer
	err = wait.For(harnesstest.Context(t), "wait for the machine's LXD", 30*time.Second, func(context.Context) (err error) {
		if server, err = lxd.ConnectLXDUnixWithContext(context.WithoutCancel(harnesstest.Context(t)), filepath.Join(dir, "unix.socket"), nil); err == nil {
			_, _, err = server.RawQuery("GET", "/internal/ready", nil, "")
		}
		return err
	})
	require.NoError(t, err)
	return server
}

// forgetTraces removes, after the test, what liblxc makes once on a machine and never removes,
// unless it was there before: the cgroups lxc.pivot and the directory of its locks.
func forgetTraces(t *testing.T) {
	t.Helper()
	const locks = "/run/lxc"
	pivots := func() (found []string) {
		err := filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
			if err == nil && e.Name() == "lxc.pivot" {
				found = append(found, path)
			}
			return nil // cgroups may disappear during the walk
		})
		require.NoError(t, err)
		return found
	}
	before := pivots()
	_, locked := os.Stat(locks)
	t.Cleanup(func() {
		for _, dir := range pivots() {
			if !slices.Contains(before, dir) && !strings.Contains(dir, "/nestbed-") {
				assert.NoError(t, unix.Rmdir(dir))
			}
		}
		if errors.Is(locked, fs.ErrNotExist) {
			assert.NoError(t, os.RemoveAll(locks))
		}
	})
}

// runContainer runs a container that only sleeps, and removes it after the test.
func runContainer(t *testing.T, server lxd.InstanceServer, b *bundle.Bundle, name string) {
	t.Helper()
	fingerprint, err := harness.Prepare(harnesstest.Context(t), server, b)
	require.NoError(t, err)
	finish := func(op lxd.Operation, err error) {
		t.Helper()
		require.NoError(t, harnesstest.Await(context.WithoutCancel(harnesstest.Context(t)), server, op, err)) // also during the clean-up
	}
	finish(server.CreateInstance(api.InstancesPost{
		Name: name, Type: api.InstanceTypeContainer, Source: api.InstanceSource{Type: "image", Fingerprint: fingerprint},
		InstancePut: api.InstancePut{Config: map[string]string{"raw.lxc": "lxc.init.cmd = /bin/busybox sleep 100000"}},
	}))
	finish(server.UpdateInstanceState(name, api.InstanceStatePut{Action: "start"}, ""))
	t.Cleanup(func() {
		finish(server.UpdateInstanceState(name, api.InstanceStatePut{Action: "stop", Force: true}, ""))
		finish(server.DeleteInstance(name))
	})
}
