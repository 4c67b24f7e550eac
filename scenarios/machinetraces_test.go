package scenarios_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/moby/sys/mountinfo"
	"github.com/stretchr/testify/require"

	"nestbed/harness/harnesstest"
	"nestbed/harness/host/private"
	"nestbed/harness/wait"
)

// traces holds what a run could leave on the machine, one description each: processes of this
// program or in a host's cgroup, their namespaces, mounts, cgroups, loop devices, listening
// sockets, files and AppArmor profiles.
type traces map[string]bool

// tracesBudget is the time for the kernel to release what has ended, and for other short-lived
// activity on the machine.
const tracesBudget = 30 * time.Second

// takeTraces returns the traces on the whole machine, without live hosts under the same state
// root. It includes whatever else happens on the machine meanwhile.
func takeTraces(t *testing.T) traces {
	t.Helper()
	found := traces{}
	for _, look := range []func(traces, func(string) bool) error{
		processTraces, mountTraces, cgroupTraces, socketTraces, fileTraces, profileTraces, loopTraces,
	} {
		require.NoError(t, look(found, othersHost(t)))
	}
	return found
}

// requireNothingLeft waits until each new trace of the first look has been missing from a later
// one.
func requireNothingLeft(t *testing.T, before traces) {
	t.Helper()
	var left traces
	require.NoError(t, wait.For(harnesstest.Context(t), "wait for the traces to disappear", tracesBudget, func(context.Context) error {
		now := takeTraces(t)
		if left == nil {
			left = now
		}
		for trace := range left {
			if before[trace] || !now[trace] {
				delete(left, trace)
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("%d things are left: %v", len(left), left)
		}
		return nil
	}))
}

// othersHost returns a function that reports whether a text contains the name or path of a live
// host.
func othersHost(t *testing.T) func(string) bool {
	t.Helper()
	hosts, err := stateRoot().Leftovers()
	require.NoError(t, err)
	return func(text string) bool {
		for _, h := range hosts {
			if h.Live && (strings.Contains(text, h.Name) || strings.Contains(text, h.Path)) {
				return true
			}
		}
		return false
	}
}

// kinds lists the kinds of namespaces (man 7 namespaces).
var kinds = []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts", "time"}

func processTraces(found traces, others func(string) bool) error {
	own := map[string]string{}
	for _, kind := range kinds {
		own[kind], _ = os.Readlink("/proc/self/ns/" + kind) // empty if the kernel does not have this kind
	}
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return err
	}
	for _, dir := range processes {
		group, err := os.ReadFile(filepath.Join(dir, "cgroup"))
		if err != nil || others(string(group)) { // it has ended, or belongs to another run
			continue
		}
		command, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		program, _ := os.Readlink(filepath.Join(dir, "exe"))
		if filepath.Base(dir) == fmt.Sprint(os.Getpid()) || program != exe && !strings.Contains(string(group), "nestbed-") {
			continue
		}
		found[fmt.Sprintf("process %s %q", dir, command)] = true
		for _, kind := range kinds {
			if ns, err := os.Readlink(filepath.Join(dir, "ns", kind)); err == nil && ns != own[kind] {
				found["namespace "+ns] = true
			}
		}
	}
	return nil
}

func mountTraces(found traces, others func(string) bool) error {
	mounts, err := mountinfo.GetMounts(nil)
	for _, m := range mounts {
		if !others(m.Mountpoint) {
			found["mount "+m.Mountpoint] = true
		}
	}
	return err
}

func cgroupTraces(found traces, others func(string) bool) error {
	return filepath.WalkDir("/sys/fs/cgroup", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() && !others(path) {
			found["cgroup "+path] = true
		}
		return nil // cgroups may disappear during the walk
	})
}

func socketTraces(found traces, others func(string) bool) error {
	f, err := os.Open("/proc/net/unix")
	if err != nil {
		return err
	}
	defer f.Close()
	// Connections are left out: they end with their processes, and the client's namespace shows
	// them under the name of the listening socket (net/unix/af_unix.c, unix_stream_connect).
	const listening = "00010000" // __SO_ACCEPTCON
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if fields := strings.Fields(lines.Text()); len(fields) == 8 && fields[3] == listening && !others(fields[7]) {
			found["socket "+fields[7]] = true
		}
	}
	return lines.Err()
}

// fileTraces adds the files in the directories where LXD, liblxc and nestbed keep state.
func fileTraces(found traces, others func(string) bool) error {
	for _, dir := range []string{
		stateRoot().Path(), "/dev/shm", "/run", "/run/lxc", "/run/lxd", "/var/lib/lxd", "/var/lib/lxc", "/var/log/lxd", "/var/log/lxc", "/etc",
	} {
		names, err := filepath.Glob(filepath.Join(dir, "*"))
		if err != nil {
			return err
		}
		for _, name := range names {
			if !others(name) {
				found["file "+name] = true
			}
		}
	}
	return nil
}

// loopTraces adds the loop devices that no host owns any more.
func loopTraces(found traces, others func(string) bool) error {
	loops, err := private.LeakedLoops()
	for _, loop := range loops {
		if !others(loop) {
			found["loop device "+loop] = true
		}
	}
	return err
}

func profileTraces(found traces, others func(string) bool) error {
	text, err := os.ReadFile("/sys/kernel/security/apparmor/profiles")
	if err != nil {
		return nil // no AppArmor
	}
	for profile := range strings.Lines(string(text)) {
		if !others(profile) {
			found["AppArmor profile "+strings.TrimSpace(profile)] = true
		}
	}
	return nil
}
